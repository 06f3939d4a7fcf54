// What callers can do with users.

export { findUser, listUsers, readUser } from './find-user.ts'
export { importUser } from './import-user.ts'
