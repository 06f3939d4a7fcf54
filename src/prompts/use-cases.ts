// What callers can do with prompts. Each is loaded when it is first called: a service whose tenants
// have no door of this kind starts without them.

import { loadedLate } from '../platform/loaded-late.ts'

export const answerClient = loadedLate(
  async () => (await import('./answer-client.ts')).answerClient,
)
export const askRound = loadedLate(async () => (await import('./ask-round.ts')).askRound)
export const beginRound = loadedLate(async () => (await import('./ask-round.ts')).beginRound)
export const cancelPrompt = loadedLate(
  async () => (await import('./cancel-prompt.ts')).cancelPrompt,
)
export const enrollAtPrompt = loadedLate(
  async () => (await import('./enroll-at-prompt.ts')).enrollAtPrompt,
)
export const readPromptEnrollment = loadedLate(
  async () => (await import('./read-prompt-enrollment.ts')).readPromptEnrollment,
)
export const watchPromptEnrollment = loadedLate(
  async () => (await import('./read-prompt-enrollment.ts')).watchPromptEnrollment,
)
export const authorize = loadedLate(async () => (await import('./oidc/authorize.ts')).authorize)
export const exchangeCode = loadedLate(
  async () => (await import('./oidc/exchange-code.ts')).exchangeCode,
)
export const readProvider = loadedLate(
  async () => (await import('./oidc/provider.ts')).readProvider,
)
export const pushRequest = loadedLate(
  async () => (await import('./oidc/push-request.ts')).pushRequest,
)
export const readOwnPrompt = loadedLate(async () => (await import('./own-prompt.ts')).readOwnPrompt)
export const readPromptPage = loadedLate(
  async () => (await import('./read-prompt-page.ts')).readPromptPage,
)
export const watchPrompt = loadedLate(
  async () => (await import('./read-prompt-page.ts')).watchPrompt,
)
export const resendRound = loadedLate(async () => (await import('./resend-round.ts')).resendRound)
export const testConnection = loadedLate(
  async () => (await import('./connection-test/test-connection.ts')).testConnection,
)
export const typeCode = loadedLate(async () => (await import('./type-code.ts')).typeCode)
