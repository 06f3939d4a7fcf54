// What callers can do with challenges.

export { answerChallenge } from './answer-challenge.ts'
export { cancelChallenge } from './cancel-challenge.ts'
export { confirmReceipt } from './confirm-receipt.ts'
export { createChallenge } from './create-challenge.ts'
export { waitForChallenges } from './fetch-challenges.ts'
export { listChallenges } from './list-challenges.ts'
export { readChallenge, waitForChallenge } from './read-challenge.ts'
export { readEvidence } from './read-evidence.ts'
export { readReadiness } from './read-readiness.ts'
export { resendChallenge } from './resend-challenge.ts'
