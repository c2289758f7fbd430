/** How a call is made: called again where that is safe, its error mapped, its result unwrapped. */
import {
  AgentError,
  CertifiedRejectErrorCode,
  ErrorKindEnum,
  HttpErrorCode,
  UncertifiedRejectErrorCode,
  UncertifiedRejectUpdateErrorCode,
} from "@icp-sdk/core/agent";
import { IDL } from "@icp-sdk/core/candid";
import { idlFactory } from "./bindings/declarations/storage.did.js";
import type { Error_, storageInterface } from "./bindings/storage.js";
import { errorInReject } from "./error-text.js";
import { CallError, StorageError } from "./errors.js";
import { Attempts, abortable, isPassing, mayRepeat, type RetryPolicy } from "./retry.js";

/** The methods of storage.did, as the generated bindings have them. */
export type Service = storageInterface;

/** The name of a method. */
export type Method = keyof Service;

type Reply<M extends Method> = Awaited<ReturnType<Service[M]>>;

/** What a method answers if it does not answer an error. */
export type Result<M extends Method> = Reply<M> extends { __kind__: "Ok" | "Err" } ? Value<Reply<M>> : Reply<M>;

type Value<R> = R extends { __kind__: "Ok"; Ok: infer T } ? T : never;

/** The methods that change nothing, by the names of the contract. */
const QUERIES: ReadonlySet<string> = new Set(
  idlFactory({ IDL })
    ._fields.filter(([, func]) => func.annotations.includes("query"))
    .map(([name]) => name),
);

/** Makes calls through the generated bindings. */
export class Caller {
  constructor(
    private readonly service: Service,
    /** The same methods, with queries made as updates: they see every update that was answered before. */
    private readonly agreedService: Service,
    private readonly policy: RetryPolicy,
    /** Errors that came after the network had taken a call. */
    private readonly afterAcceptance: WeakSet<object> = new WeakSet(),
  ) {}

  /** Calls a method. A query is answered by one node, which may not have the latest blocks. */
  call<M extends Method>(method: M, args: Parameters<Service[M]>, signal?: AbortSignal): Promise<Result<M>> {
    return this.#repeat(this.service, method, args, signal);
  }

  /** Calls a query as an update, so that it sees every update that was answered before. */
  agreed<M extends Method>(method: M, args: Parameters<Service[M]>, signal?: AbortSignal): Promise<Result<M>> {
    return this.#repeat(this.agreedService, method, args, signal);
  }

  /** The attempts at something that is more than one call. */
  attempts(): Attempts {
    return new Attempts(this.policy);
  }

  /** Whether anything is tried again. */
  get triesAgain(): boolean {
    return this.policy.attempts > 1;
  }

  async #repeat<M extends Method>(
    service: Service,
    method: M,
    args: Parameters<Service[M]>,
    signal?: AbortSignal,
  ): Promise<Result<M>> {
    const attempts = this.attempts();
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await abortable(this.#once(service, method, args), signal);
      } catch (error) {
        const isAnother = mayRepeat(method, QUERIES.has(contractName(method))) && isPassing(error);
        if (!isAnother || !(await attempts.another(signal))) throw error;
      }
    }
  }

  async #once<M extends Method>(service: Service, method: M, args: Parameters<Service[M]>): Promise<Result<M>> {
    const name = contractName(method);
    let reply: unknown;
    try {
      reply = await (service[method] as (...args: unknown[]) => Promise<unknown>).apply(service, args);
    } catch (error) {
      throw this.#mapped(name, error);
    }
    if (isErr(reply)) throw new StorageError(name, reply.Err);
    return (isOk(reply) ? reply.Ok : reply) as Result<M>;
  }

  #mapped(method: string, error: unknown): StorageError | CallError {
    if (error instanceof StorageError || error instanceof CallError) return error;
    if (!(error instanceof AgentError)) {
      const text = error instanceof Error ? error.message : String(error);
      const message = `the reply could not be decoded, is the canister of another version? ${text}`;
      return new CallError(method, "undecodable", message, error);
    }
    const { code } = error;
    if (isReject(code)) {
      const storage = errorInReject(code.rejectMessage);
      if (storage) return new StorageError(method, storage);
      const reject = { code: code.rejectCode, errorCode: code.rejectErrorCode };
      return new CallError(method, "rejected", code.rejectMessage, error, reject);
    }
    const isRefused = isRefusal(error) && !this.afterAcceptance.has(error);
    return new CallError(method, isRefused ? "refused" : "unanswered", shortText(error), error);
  }
}

type RejectCode = CertifiedRejectErrorCode | UncertifiedRejectErrorCode | UncertifiedRejectUpdateErrorCode;

function isReject(code: unknown): code is RejectCode {
  return (
    code instanceof CertifiedRejectErrorCode ||
    code instanceof UncertifiedRejectErrorCode ||
    code instanceof UncertifiedRejectUpdateErrorCode
  );
}

/** Whether the request is to blame, so that the same one will be refused again. */
function isRefusal(error: AgentError): boolean {
  if (error.kind === ErrorKindEnum.Input || error.kind === ErrorKindEnum.External) return true;
  if (!(error.code instanceof HttpErrorCode)) return false;
  const { status } = error.code;
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** The first line of the library's message, or the text of the server. */
function shortText(error: AgentError): string {
  const { code } = error;
  if (code instanceof HttpErrorCode) {
    const [line = ""] = (code.bodyText ?? "").split("\n");
    return `${code.status} ${code.statusText}: ${line.slice(0, 200)}`;
  }
  return error.message.split("\n", 1)[0] ?? error.message;
}

/** The bindings call one method otherwise, because its name is a word of JavaScript. */
function contractName(method: Method): string {
  return method === "delete_" ? "delete" : method;
}

function isErr(reply: unknown): reply is { Err: Error_ } {
  return kindOf(reply) === "Err";
}

function isOk(reply: unknown): reply is { Ok: unknown } {
  return kindOf(reply) === "Ok";
}

function kindOf(reply: unknown): unknown {
  return typeof reply === "object" && reply !== null && "__kind__" in reply ? reply.__kind__ : undefined;
}
