// What callers can do with users.

export { findUser, listUsers } from '../find-user.ts'
export { importUser } from '../import-user.ts'
