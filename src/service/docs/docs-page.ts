// The description of the API as one page: everything is in it, and a small script searches.

import { type Html, html, noHtml } from '../../platform/http/pages/html.ts'
import {
  exampleBlock,
  joinAll,
  member,
  membersOf,
  nameIn,
  prose,
  type Schema,
  typeOf,
} from './docs-schema.ts'

type Media = { readonly schema?: Schema; readonly examples?: Readonly<Record<string, unknown>> }
type Content = Readonly<Record<string, Media>>
type Response = {
  readonly $ref?: string
  readonly description?: string
  readonly content?: Content
}
type Parameter = {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema: Schema
}
type Operation = {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, Response>>
}
type Items = Readonly<Record<string, Readonly<Record<string, Operation>>>>
type Problem = { readonly status: number; readonly title: string; readonly detail: string }

export type ApiDescription = {
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  readonly paths: Items
  readonly webhooks: Items
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly responses: Readonly<Record<string, Response>>
    readonly examples: Readonly<Record<string, { readonly value: Problem }>>
    readonly securitySchemes: Readonly<Record<string, { readonly description: string }>>
  }
}

type Call = { readonly method: string; readonly path: string; readonly operation: Operation }

function callsOf(items: Items): Call[] {
  return Object.entries(items).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
  )
}

const anchor = (name: string) => name.replaceAll(/\W+/g, '-')

function callerOf({ security = [] }: Operation): Html {
  const ways = security.flatMap((one) =>
    Object.entries(one).map(([scheme, scopes]) => {
      const scope = scopes.length > 0 ? html` (<code>${scopes.join(', ')}</code>)` : noHtml
      return html`<a href="#security-${scheme}">${scheme}</a>${scope}`
    }),
  )
  return ways.length === 0 ? html`everybody` : joinAll(ways, ' or ')
}

function bodyOf(content: Content, schemas: ApiDescription['components']['schemas']): Html[] {
  const [[, first] = []] = Object.entries(content)
  const schema = first?.schema ?? {}
  const target = schema.$ref === undefined ? schema : schemas[nameIn(schema.$ref)]
  const example = target?.example ?? schema.example
  const lines = Object.entries(content).map(
    ([type, media]) => html`<p>${typeOf(media.schema ?? {})} <span class="soft">${type}</span></p>`,
  )
  return [...lines, exampleBlock(example)]
}

const problemType = 'application/problem+json'

function responseOf(
  [status, given]: [string, Response],
  { schemas, responses }: ApiDescription['components'],
): Html {
  const response = given.$ref === undefined ? given : (responses[nameIn(given.$ref)] ?? {})
  const { [problemType]: problem, ...content } = response.content ?? {}
  const codes = Object.keys(problem?.examples ?? {}).map(
    (code) => html`<a href="#problem-${code}"><code>${code}</code></a>`,
  )
  // A refusal is explained once, where its code leads to.
  const about =
    given.$ref === undefined ? (response.description ?? '').split(' Or a problem:')[0] : ''
  return html`<dt>${status}</dt>
<dd>${prose(about)}${bodyOf(content, schemas)}${joinAll(codes, ' ')}</dd>`
}

function callSection({ method, path, operation }: Call, { components }: ApiDescription): Html {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation
  const givenParameters = parameters.map((one) =>
    member(`${one.name} (${one.in})`, one.schema, one.required ?? false, one.description),
  )
  const answers = Object.entries(responses).map((one) => responseOf(one, components))
  return html`<details id="${operationId}" class="call">
<summary><span class="method ${method}">${method.toUpperCase()}</span> <code>${path}</code>
<span>${summary}</span></summary>
${prose(description)}
<p class="soft"><code>${operationId}</code>, called by ${callerOf(operation)}</p>
${givenParameters.length > 0 ? html`<h4>Parameters</h4><dl>${givenParameters}</dl>` : noHtml}
${requestBody ? html`<h4>Body</h4>${bodyOf(requestBody.content, components.schemas)}` : noHtml}
<h4>Answers</h4><dl>${answers}</dl>
</details>`
}

type Section = { readonly name: string; readonly about: string; readonly calls: readonly Call[] }

function sectionsOf({ tags, paths, webhooks }: ApiDescription): Section[] {
  const calls = callsOf(paths)
  const sections = tags.map(({ name, description: about }) => {
    return { name, about, calls: calls.filter(({ operation }) => operation.tags[0] === name) }
  })
  const about = 'What the service sends to the endpoints of relying parties.'
  const events = callsOf(webhooks).map((call) => ({ ...call, method: 'event' }))
  return [...sections, { name: 'events', about, calls: events }]
}

function navigation(sections: readonly Section[]): Html[] {
  return sections.map(({ name, calls }) => {
    const links = calls.map(
      ({ method, path, operation: { operationId, summary } }) =>
        html`<li><a href="#${operationId}" title="${path}">
<span class="method ${method}">${method}</span> ${summary}</a></li>`,
    )
    return html`<section><h2><a href="#tag-${anchor(name)}">${name}</a></h2>
<ul>${links}</ul></section>`
  })
}

function main(description: ApiDescription, sections: readonly Section[]): Html[] {
  const { schemas, examples, securitySchemes } = description.components
  const ofTags = sections.map(
    ({ name, about, calls }) => html`<section><h2 id="tag-${anchor(name)}">${name}</h2>
${prose(about)}${calls.map((call) => callSection(call, description))}</section>`,
  )
  const callers = Object.entries(securitySchemes).map(
    ([name, one]) => html`<dt id="security-${name}"><code>${name}</code></dt>
<dd>${prose(one.description)}</dd>`,
  )
  const problems = Object.entries(examples).map(
    ([code, { value }]) => html`<dt id="problem-${code}"><code>${code}</code> ${value.status}</dt>
<dd>${prose(`${value.title} ${value.detail}`)}</dd>`,
  )
  const ofSchemas = Object.entries(schemas).map(
    ([name, schema]) => html`<details id="schema-${name}"><summary><code>${name}</code></summary>
${prose(schema.description)}
${schema.properties ? noHtml : html`<p class="soft">${typeOf(schema)}</p>`}
${membersOf(schema)}${exampleBlock(schema.example)}</details>`,
  )
  return [
    ...ofTags,
    html`<section><h2 id="callers">callers</h2><dl>${callers}</dl></section>`,
    html`<section><h2 id="problems">problems</h2><dl>${problems}</dl></section>`,
    html`<section><h2 id="schemas">schemas</h2>${ofSchemas}</section>`,
  ]
}

/** The whole page. Its style and its script are files of this origin. */
export function docsPage(description: ApiDescription): string {
  const { title, version, description: about } = description.info
  const sections = sectionsOf(description)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/docs.css">
<script src="/docs/search.js" defer></script>
</head>
<body>
<nav aria-label="Operations">
<input id="search" type="search" placeholder="Search (press /)" aria-label="Search" hidden>
<p id="none" role="status" hidden>Nothing matches.</p>
${navigation(sections)}
<section><ul><li><a href="#callers">callers</a></li><li><a href="#problems">problems</a></li>
<li><a href="#schemas">schemas</a></li></ul></section>
</nav>
<main>
<h1>${title} API <small>${version}</small></h1>
${prose(about)}
<p><a href="/openapi.yaml">openapi.yaml</a></p>
${main(description, sections)}
</main>
</body>
</html>
`.text
}
