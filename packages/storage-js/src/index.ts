/**
 * A client of the storage canister, for browsers and Node.
 *
 * {@link StorageClient} has the calls; {@link StorageError}, {@link CallError} and {@link TransferError} are what they throw.
 */
export {
  type Appended, type CertifiedPrefix, type CertifyProgress, ChecksumState, type Condition, type Config, type CopyMetadata, type DeleteArgs, type Entry, type Grant, type LogInfo,
  type MetadataPair, type Object, type ObjectInfo, Role, type Settings, type Status, type UploadStatus, type Written,
} from "./bindings/storage.js";
export { Caller, type Method, type Result, type Service } from "./caller.js";
export { absent, atRevision, withSha256 } from "./conditions.js";
export { type ConnectOptions, isThisMachine } from "./connect.js";
export type { CopyOptions } from "./copy.js";
export type { Download, DownloadOptions } from "./download.js";
export {
  CallError, type CallOutcome, isStorageError, type Reject, StorageError, type StorageErrorFields,
  type StorageErrorKind, TransferError, type TransferProblem,
} from "./errors.js";
export * as limits from "./limits.js";
export type { FollowOptions, LogEntry, LogOptions } from "./log.js";
export type { Listed, ListOptions } from "./pages.js";
export type { RetryPolicy } from "./retry.js";
export type { Source } from "./source.js";
export { type CertifyOptions, type Put, StorageClient } from "./storage.js";
export type { Phase, Progress, TransferOptions } from "./transfer.js";
export type { ObjectOptions, Uploaded, UploadOptions } from "./upload.js";
export { VerifiedReads } from "./verified.js";
export { checkValue, record, Verifier, type VerifierOptions, VerifyError, type VerifyProblem } from "./verify.js";
