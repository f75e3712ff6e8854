import type { MessageType } from "../any";

/** A service as src/generated/shim describes it. */
export interface ServiceDefinition {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

export interface MethodDefinition<Request = unknown, Response = unknown> {
  readonly name: string;
  readonly requestType: MessageType<Request>;
  readonly responseType: MessageType<Response>;
}

export type RequestOf<Method> = Method extends { readonly requestType: MessageType<infer Request> }
  ? Request
  : never;

export type ResponseOf<Method> = Method extends {
  readonly responseType: MessageType<infer Response>;
}
  ? Response
  : never;

/** What a method knows of the call besides the request. */
export interface Call {
  /** Aborted when nobody waits for the answer any more: the caller is gone, or its time is up. */
  readonly signal: AbortSignal;
  readonly metadata: readonly { readonly key: string; readonly value: string }[];
}

/** One function for each method of a service. What it throws becomes the status of the answer. */
export type Handlers<Definition extends ServiceDefinition> = {
  readonly [Name in keyof Definition["methods"]]: (
    request: RequestOf<Definition["methods"][Name]>,
    call: Call,
  ) => ResponseOf<Definition["methods"][Name]> | Promise<ResponseOf<Definition["methods"][Name]>>;
};

/** A service as a server looks it up: bytes in, bytes out. */
export interface Service {
  readonly fullName: string;
  readonly methods: ReadonlyMap<string, Method>;
}

export interface Method {
  /** Decodes; what it throws is the caller's mistake. Then calls the handler. */
  prepare(payload: Uint8Array): (call: Call) => Promise<Uint8Array>;
}

/** The service, with its functions; `fullName` where it is served under another name too. */
export function serviceOf<Definition extends ServiceDefinition>(
  definition: Definition,
  handlers: Handlers<Definition>,
  fullName = definition.fullName,
): Service {
  const methods = Object.entries(definition.methods).map(
    ([key, { name, requestType, responseType }]): [string, Method] => {
      const handler = handlers[key] as (request: unknown, call: Call) => unknown;
      const prepare = (payload: Uint8Array) => {
        const request = requestType.decode(payload);
        return async (call: Call) => responseType.encode(await handler(request, call)).finish();
      };
      return [name, { prepare }];
    },
  );
  return { fullName, methods: new Map(methods) };
}
