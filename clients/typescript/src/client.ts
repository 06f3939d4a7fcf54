// The public interface of `@countersign/client`.

export { type ClientOptions, CountersignClient } from './countersign-client.ts'
export type { DecidedChallenge, WaitOptions } from './decision.ts'
export type { components, operations, paths } from './generated/server-api.ts'
export type {
  AnswerTo,
  CallOptions,
  Method,
  OperationAt,
  Request,
  Route,
  Schemas,
} from './operations.ts'
export { type RefusalCode, RefusedCall } from './refused-call.ts'
export {
  type Approval,
  decisions,
  denyReasons,
  endReasons,
  RefusedResult,
  type Result,
  type ResultExpectation,
  type ResultRefusal,
  type ResultTrust,
  ResultVerifier,
} from './result-verifier.ts'
export {
  RefusedWebhook,
  type VerifiedWebhook,
  verifyWebhook,
  type WebhookHeaders,
  type WebhookRefusal,
} from './webhook.ts'
