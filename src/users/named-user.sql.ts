/**
 * Statement for the one user that an identifier names, by the tenant's own rule of the moment; `t`
 * must be the tenant's row. The key is looked up in the index, namespace and value are compared on
 * the rows found. No row where it would name several.
 */
export function namedUser(namespace: string, value: string, key: string): string {
  return `
    select min(i.user_id) as user_id from user_identifiers i
    where i.tenant_id = t.tenant_id and i.key = ${key} and ${isWithin(namespace)}
      and (t.identifier_case = 'fold_ascii' or i.value = ${value})
    having count(distinct i.user_id) = 1`
}

/**
 * Condition that the identifier `i` is of this namespace. No index serves it, on purpose: while the
 * planner has no statistics of the table, one by namespace looks as good as the one by key, and
 * reads all of a tenant's users.
 */
export function isWithin(namespace: string): string {
  return `i.namespace || '' = ${namespace}`
}
