// Words that this project once used for things that the field has a name for, with that name.

/** In comments, documents, titles of tests and texts; whole words, in any case. */
export const bannedTerms: readonly (readonly [term: RegExp, plain: string])[] = [
  [/\bwhoever\b/i, 'the caller, the client, anyone who'],
  [/\bfor ever\b/i, 'permanently, forever'],
  [/\b(?:is|means|counts as|ends in) a no\b/i, 'a refusal, a denial'],
  [/\bheard? out\b/i, 'read to the end, drained'],
  [/\bbeliev(?:e|es|ed|ing)\b/i, 'verify, trust'],
  [/\bjudg(?:e|es|ed|ing|ement)\b/i, 'validate, decide, evaluate'],
  [/\bcouriers?\b/i, 'dispatcher'],
  [/\bagenda\b/i, 'due work'],
  [/\bladder\b/i, 'push throttling'],
  [/\bacquaintances?\b/i, 'recently authenticated address'],
  [/\bdeeds?\b/i, 'operation'],
  [/\bkeepers?\b/i, 'scope, supervisor'],
  [/\bhopeless\b/i, 'failing for days'],
  [/\btak(?:e|es|en|ing) turns\b/i, 'run in a fair queue, alternate'],
  [/\b(?:is|are) told\b/i, 'is notified, learns, receives'],
  [/\btold (?:of|to)\b/i, 'notified of'],
  [/\b(?:is|are) owed\b/i, 'is pending, is queued'],
  [/\bbeside each other\b/i, 'concurrently'],
  [/\bfar end\b/i, 'peer'],
  [/\blooks? again\b/i, 'read again, poll'],
  [/\bkept (?:apart|elsewhere)\b/i, 'stored elsewhere'],
  [/\bof late\b/i, 'recently'],
  [/\bheals?\b/i, 'recovers, expires'],
  [/\bmint(?:s|ed|ing)?\b/i, 'create'],
  [/\benrol(?:s|ment|ments)?\b/i, 'enroll, enrollment'],
]

/** As identifiers, alone or as the beginning of a longer one. */
export const bannedIdentifiers: readonly (readonly [name: RegExp, plain: string])[] = [
  [/^(?:I|i)sHopeless$/, 'hasFailedForDays'],
  [/^believe[A-Z]?/, 'verify...'],
  [/^judge[A-Z]?/, 'check..., decide...'],
  [/^(?:is)?[Oo]we[sd]?(?:$|[A-Z])/, 'enqueue..., pending...'],
  [/^(?:make|mint)[A-Z]/, 'create... (an object), build... (a part)'],
  [/^why(?!Not$)[A-Z]/, 'reasonFor...; `whyNot` is a member on the wire'],
  [/^Needs$/, 'Dependencies'],
  [/^(?:Told|Taken|Gone|Judged|Kept)(?:$|[A-Z])/, 'a noun'],
  [/^(?:lend|Loan)$/, 'withClient, PooledClient'],
  [/[Ee]nrol(?!l)/, 'enroll, enrollment'],
]

/** Participles that do not end in -ed. */
export const irregularParticiples: readonly string[] = (
  'begun bound broken built chosen done drawn driven fallen forgotten found given gone heard held ' +
  'hidden kept known left lent lost made meant met owed paid said seen sent shown sold sought spent ' +
  'spoken stolen sworn taken taught thought thrown told understood won worn written'
).split(' ')

/** Words in -ed that are no participles. */
export const nounsInEd: readonly string[] = ['embed', 'feed', 'need', 'seed', 'shed', 'speed']
