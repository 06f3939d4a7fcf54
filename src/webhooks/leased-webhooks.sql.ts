// What the statements that lease deliveries share.

/**
 * How long a process may lease a delivery before another may send it too; outlasts the longest
 * attempt.
 */
export const webhookLeaseSeconds = 30

/** What sending needs of an endpoint `e`. */
export const sendingColumns = `e.rp_id, e.url, e.secret_sealed,
     case when e.previous_until > clock_timestamp() then e.previous_sealed end as previous_sealed`
