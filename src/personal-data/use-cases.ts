// What callers can do with personal data.

export { eraseUser, exportUser } from './personal-data.ts'
