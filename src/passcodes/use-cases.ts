// What callers can do with passcodes.

export { readOtherFactors } from './read-other-factors.ts'
export { createRecoveryCodes, createTemporaryCode } from './single-use-codes.ts'
export { verifyPasscode } from './verify-passcode.ts'
