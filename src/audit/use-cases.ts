// What callers can do with audit.

export { listAuditEvents } from './list-audit-events.ts'
