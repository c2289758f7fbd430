/** Errors as sentences for people, with what to do. */
import { CallError, StorageError } from "stable-storage-client";
import { count, size } from "./format.js";

/** What went wrong. */
export function explain(error: unknown): string {
  if (error instanceof StorageError) return ofStorage(error);
  if (error instanceof CallError) return `${error.message}${hintOf(error)}`;
  return error instanceof Error ? error.message : String(error);
}

/** Whether the caller lacks a role. */
export function isUnauthorized(error: unknown): error is StorageError<"Unauthorized"> {
  return error instanceof StorageError && error.is("Unauthorized");
}

function ofStorage(error: StorageError): string {
  if (error.is("Unauthorized")) return `This needs the role ${error.fields.needed}.`;
  if (error.is("NotFound")) return "It is not there any more.";
  if (error.is("AlreadyExists")) return "There is an object of this name.";
  if (error.is("RevisionMismatch")) return "Somebody has changed the object. Look at it, and try again.";
  if (error.is("OutOfMemory")) {
    const { requested, available } = error.fields;
    return `There is no room: ${size(requested)} more are needed, and ${size(available)} are available.`;
  }
  if (error.is("TooLarge")) {
    return `It has ${count(error.fields.size)} bytes, and ${count(error.fields.limit)} are the most.`;
  }
  return error.message;
}

function hintOf(error: CallError): string {
  switch (error.outcome) {
    case "unanswered":
      return ". Is the server running? What was asked may have been done.";
    case "undecodable":
      return ". Is it a storage canister of this version?";
    default:
      return "";
  }
}
