/** How often each statement of a service ran until now; its token for metrics is `m`. */
export async function statementCounts(origin: string): Promise<Record<string, number>> {
  const answer = await fetch(`${origin}/metrics`, { headers: { authorization: 'Bearer m' } })
  const lines = (await answer.text()).matchAll(
    /^countersign_database_statements_total\{statement="(\w+)"\} (\d+)$/gm,
  )
  return Object.fromEntries([...lines].map(([, name, count]) => [name, Number(count)]))
}
