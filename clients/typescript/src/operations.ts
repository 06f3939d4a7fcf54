// The API description of a call, as the types of `CountersignClient.call`.

import type { components, paths } from './generated/server-api.ts'

/** The objects of the API, by the names that openapi.yaml gives them. */
export type Schemas = components['schemas']

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

type Operation = {
  readonly parameters: {
    readonly query?: unknown
    readonly header?: unknown
    readonly path?: unknown
  }
  readonly requestBody?: unknown
  readonly responses: unknown
}

type At<M extends Method, R extends keyof paths> = paths[R][Lowercase<M>]

/** The routes that have this method, `{id}` and all. */
export type Route<M extends Method> = {
  [R in keyof paths]: At<M, R> extends Operation
    ? [AnswerTo<At<M, R>>] extends [never]
      ? never
      : R
    : never
}[keyof paths]

/** The operation behind a route. */
export type OperationAt<M extends Method, R extends keyof paths> = Extract<At<M, R>, Operation>

type Query<O extends Operation> = O['parameters'] extends { readonly query: infer Q }
  ? { readonly query: Q }
  : { readonly query?: NonNullable<O['parameters']['query']> }

type Path<O extends Operation> = O['parameters'] extends { readonly path: infer P }
  ? { readonly path: P }
  : { readonly path?: never }

type Body<O extends Operation> = [NonNullable<O['requestBody']>] extends [never]
  ? { readonly body?: never }
  : O extends { readonly requestBody: { readonly content: { 'application/json': infer B } } }
    ? { readonly body: B }
    : NonNullable<O['requestBody']> extends { readonly content: { 'application/json': infer B } }
      ? { readonly body?: B }
      : never

type IdempotencyKey<O extends Operation> = [NonNullable<O['parameters']['header']>] extends [never]
  ? { readonly idempotencyKey?: never }
  : NonNullable<O['parameters']['header']> extends { 'idempotency-key'?: string }
    ? { readonly idempotencyKey?: string }
    : { readonly idempotencyKey?: never }

/** The options of every call. */
export type CallOptions = {
  /** Aborts the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Milliseconds for the whole call; by default 10,000 plus the time that the call waits for. */
  readonly timeoutMs?: number
}

/** The parameters of a call of this operation. */
export type Request<O extends Operation> = Path<O> &
  Query<O> &
  Body<O> &
  IdempotencyKey<O> &
  CallOptions

/** What a call of this operation resolves to; undefined where the response has no body. */
export type AnswerTo<O> = O extends { readonly responses: infer S } ? Answers<S>[keyof S] : never

type Answers<S> = {
  [Status in keyof S]: S[Status] extends { content: { 'application/json': infer A } }
    ? A
    : S[Status] extends { content: object }
      ? never
      : undefined
}
