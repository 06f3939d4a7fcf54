import { openApiFile } from './openapi-file.ts'

/** Top-level members of the schema of a body. */
export function membersOf(schema: { $ref?: string; properties?: object } = {}): string[] {
  const name = schema.$ref?.split('/').at(-1)
  const resolvedSchema = name === undefined ? schema : openApiFile.components.schemas[name]
  return Object.keys(resolvedSchema.properties ?? {})
}

/** The text of a body with added members, at its top and in each object within it. */
export function withMember(value: unknown, member: string): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) =>
      withMember(item, member).map(
        (text) => `[${value.map((one, at) => (at === index ? text : JSON.stringify(one))).join()}]`,
      ),
    )
  }
  if (typeof value !== 'object' || value === null) return []
  const entries = Object.entries(value)
  const plain = entries.map(([key, one]) => `${JSON.stringify(key)}:${JSON.stringify(one)}`)
  const within = entries.flatMap(([key, one], index) =>
    withMember(one, member).map(
      (text) => `{${plain.with(index, `${JSON.stringify(key)}:${text}`).join()}}`,
    ),
  )
  return [`{${[...plain, `"${member}":"x"`].join()}}`, ...within]
}

export const owners = {
  realmToken: 'nobody',
  integrationSecret: 'a client of the integration',
  apiKey: 'an admin key of the relying party',
  deviceProof: 'a device of the user',
  portalSession: 'the portal session of the user',
} as const
