// What callers can do with passcodes.

export { createRecoveryCodes, createTemporaryCode } from './single-use-codes.ts'
export { readOtherFactors, verifyPasscode } from './verify-passcode.ts'
