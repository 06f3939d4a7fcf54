// The page of a prompt, in each of its states. Names of people, tenants and applications are the
// input of others: `html` escapes them, `bdi` isolates their direction.

import { type PromptOutcome, promptSeconds, roundsMax } from '../../domain/prompt.ts'
import { mayBeginEnrollment, offersEnrollment } from '../../domain/prompt-enrollment.ts'
import { showablePart } from '../../domain/text.ts'
import { filledHtml, type Html, html, noHtml } from '../../platform/http/pages/html.ts'
import type { Page } from '../../platform/http/pages/page.ts'
import { fill } from '../../platform/texts/fill.ts'
import { type Language, languages, pluralOf, textsIn, timeIn } from '../../platform/texts/texts.ts'
import type { OwnPrompt } from '../own-prompt.ts'
import { endOf, isAnswerKept, progressOf } from '../prompt-progress.ts'
import type { PromptPage } from '../read-prompt-page.ts'

/**
 * The one script of the page, which works without it, by loading itself again. Follows the prompt:
 * loads the page again when another one is due, otherwise changes the status line alone, so that
 * it is read out at events only. Counts the time down, and says so twice. Presses the button of an
 * approved prompt.
 */
export const promptScript = `const one=name=>document.querySelector(name),
status=one("[data-page]"),left=one("[data-left]"),said=one("[data-at15]"),go=one("form[data-go]"),
again=()=>location.reload();
addEventListener("pageshow",({persisted})=>persisted&&again());
if(go)go.submit();
if(status){const events=new EventSource(location.pathname+"/events"+location.search);
events.addEventListener("prompt",({data})=>{const{page,text}=JSON.parse(data);
if(page!==status.dataset.page){events.close();again()}
else if(text!==status.textContent){status.textContent=text;one(".note")?.remove()}});
events.onerror=()=>events.readyState===2&&setTimeout(again,5000)}
if(left){const end=performance.now()+left.dataset.left*1000;let last=0,count=()=>{
const seconds=Math.max(0,Math.ceil((end-performance.now())/1000));
left.textContent=Math.floor(seconds/60)+":"+String(seconds%60).padStart(2,"0");
for(const mark of [60,15])if(last>mark&&seconds<=mark&&seconds>mark-3)
said.textContent=said.dataset["at"+mark];
last=seconds};
count();setInterval(count,1000)}`

/** Where and how a browser looks at its prompt. */
export type PromptView = {
  readonly language: Language
  /** Address of the page, and what its links and forms end with. */
  readonly path: string
  readonly suffix: string
  readonly ip: string
  readonly browser: { readonly browser: string; readonly system: string | null } | undefined
  /** Whether the person has just pressed "Send it again". */
  readonly isSentAgain: boolean
}

/** Seconds after which the page of a browser without script loads itself again. */
export const refreshSeconds = 5
const nameLengthMax = 128

const isolate = (text: string) => html`<bdi>${text}</bdi>`
const button = ({ path, suffix }: PromptView, action: string, text: string | Html, kind = '') =>
  html`<form method="post" action="${path}/${action}${suffix}">
<button class="${kind}">${text}</button></form>`

/** Names the page that is due: another one is loaded, this one changes its status alone. */
export function pageKeyOf({ state, prompt: { round } }: OwnPrompt): string {
  return `${state} ${round}`
}

/** What the status line says. */
export function statusOf(own: OwnPrompt, language: Language): string {
  const { prompt: texts } = textsIn(language)
  if (own.state === 'ready') return texts.ready
  if (own.state === 'round_over') return texts.roundOver
  const progress = progressOf(own)
  if (progress === null) return texts.waiting
  const { triesLeft: tries } = progress
  return fill(pluralOf(language, texts.fetched, tries), { tries })
}

const statusLine = (own: OwnPrompt, language: Language) =>
  html`<p role="status" data-page="${pageKeyOf(own)}">${statusOf(own, language)}</p>`

/** The digits in threes, for the eye; one by one for the ear. */
function numberHtml(number: string): Html {
  const groups = number.match(/.{1,3}/g) ?? []
  return html`<p class="code"><span aria-hidden="true">${groups.join('\u00A0')}</span>
<span class="heard">${[...number].join(', ')}</span></p>`
}

function timeLeft({ prompt: { roundUntil, now } }: OwnPrompt, language: Language): Html {
  if (roundUntil === null) return noHtml
  const { prompt: texts } = textsIn(language)
  const seconds = Math.max(0, Math.ceil((roundUntil.getTime() - now.getTime()) / 1000))
  const until = fill(texts.until, { time: timeIn(language, roundUntil) })
  const time = html`<span data-left="${Math.min(seconds, promptSeconds)}">${until}</span>`
  return html`<p class="soft">${filledHtml(texts.left, { time })}</p>
<p class="heard" role="status" data-at60="${texts.minuteLeft}"
data-at15="${texts.secondsLeft}"></p>`
}

function aboutHtml({ own, tenantName, brand }: PromptPage, { language }: PromptView): Html {
  const application = html`<b>${isolate(own.client.integration.name)}</b>`
  const names = { tenant: isolate(brand?.displayName ?? tenantName), application }
  return html`<p>${filledHtml(textsIn(language).prompt.about, names)}</p>`
}

function factsHtml({ prompt: { request } }: OwnPrompt, view: PromptView): Html {
  const { language, ip, browser } = view
  const { prompt: texts } = textsIn(language)
  const name = showablePart(request.displayName ?? '', nameLengthMax)
  const system = browser?.system
  const leave = name === undefined ? texts.cancel : texts.notYou
  const rows: readonly (readonly [string, string | undefined])[] = [
    [texts.person, name],
    [texts.place, ip],
    [texts.browser, system ? fill(texts.browserOn, { ...browser, system }) : browser?.browser],
  ]
  const facts = rows.flatMap(([term, value]) =>
    value === undefined ? [] : [html`<dt>${term}</dt><dd>${isolate(value)}</dd>`],
  )
  return html`<dl>${facts}</dl>
<div class="row">${button(view, 'cancel', leave, 'quiet')}</div>`
}

/** What helps who has no phone at hand. Which devices somebody has is not said. */
function notHereHtml({ prompt, client }: OwnPrompt, { language, path, suffix }: PromptView): Html {
  const { notHere, enroll } = textsIn(language).prompt
  const link = (page: string, text: string) =>
    html`<a class="button quiet" href="${path}/${page}${suffix}">${text}</a>`
  const mayEnroll =
    offersEnrollment(prompt.request, client.settings) && mayBeginEnrollment(prompt, prompt.now)
  const first = mayEnroll ? html`\n<p>${link('enroll', enroll.title)}</p>` : noHtml
  return html`<details><summary>${mayEnroll ? enroll.notHereOrNone : notHere.title}</summary>
<p>${notHere.nothing}</p><p>${notHere.what}</p>
<p>${link('code', notHere.go)}</p>${first}</details>`
}

/** Links to this page in the other languages. */
function languagesHtml({ language, path }: PromptView): Html {
  const links = languages
    .filter((one) => one !== language)
    .map(
      (one) =>
        html`<a href="${path}?ui_locales=${one}" lang="${one}" hreflang="${one}">${
          textsIn(one).prompt.language
        }</a>`,
    )
  return html`<p class="languages">${links}</p>`
}

function askingHtml({ own }: PromptPage, view: PromptView): Html {
  const { language, isSentAgain } = view
  const { prompt: texts } = textsIn(language)
  const isNoted = isSentAgain && progressOf(own) === null
  const note = isNoted ? html`<p class="note" role="status">${texts.sentAgain}</p>` : noHtml
  const more = own.prompt.round < roundsMax ? button(view, 'more', texts.more, 'quiet') : noHtml
  return html`<p>${texts.type}</p>
${numberHtml(own.number ?? '')}
${statusLine(own, language)}
${note}
${timeLeft(own, language)}
<div class="row">${button(view, 'again', texts.again, 'quiet')}${more}</div>`
}

function runningHtml(page: PromptPage, view: PromptView): Html {
  const { own } = page
  const { prompt: texts } = textsIn(view.language)
  if (own.state === 'asking') return askingHtml(page, view)
  const [action, text] =
    own.state === 'ready' ? (['ask', texts.ask] as const) : (['more', texts.askAgain] as const)
  return html`${statusLine(own, view.language)}\n${button(view, action, text)}`
}

const noteOf: Readonly<Partial<Record<PromptOutcome, string>>> = {
  approved: 'note good',
  reported: 'note bad',
}

function endPage(end: PromptOutcome, page: PromptPage, view: PromptView): Page {
  const { own } = page
  const { language, path, suffix } = view
  const { prompt: texts } = textsIn(language)
  const { title, what } = texts.ends[end]
  const application = isolate(own.client.integration.name)
  // Once: a person who comes back by the button of the browser is not sent away again.
  const goesOn = end === 'approved' && own.prompt.answeredAt === null
  const back = html`<form method="post" action="${path}/return${suffix}"${
    goesOn ? html` data-go=""` : noHtml
  }><button><span>${filledHtml(texts.back, { application })}</span></button></form>`
  return {
    title,
    language,
    ...(goesOn && { script: promptScript }),
    body: html`<p class="${noteOf[end] ?? 'note'}">${filledHtml(what, { application })}</p>
${isAnswerKept(own) ? back : html`<p>${texts.closed}</p>`}
${languagesHtml(view)}`,
  }
}

/** The page, as far as the prompt has come. */
export function promptPage(page: PromptPage, view: PromptView): Page {
  const { own } = page
  const { language } = view
  const end = endOf(own)
  if (end !== null) return endPage(end, page, view)
  return {
    title: textsIn(language).prompt.title,
    language,
    ...{ script: promptScript, fetches: true },
    ...(own.state === 'asking' && { refreshSeconds }),
    body: html`${aboutHtml(page, view)}
${runningHtml(page, view)}
${factsHtml(own, view)}
${notHereHtml(own, view)}
${languagesHtml(view)}`,
  }
}

/** Where a code is typed; the page does not load itself again, so that nothing typed is lost. */
export function codePage(
  { own }: PromptPage,
  view: PromptView,
  fault: keyof ReturnType<typeof textsIn>['prompt']['code']['faults'] | null,
): Page {
  const { language, path, suffix } = view
  const { code } = textsIn(language).prompt
  const { codesAsOtp } = own.client.settings
  return {
    title: code.title,
    language,
    body: html`${
      fault === null ? noHtml : html`<p class="error" role="alert">${code.faults[fault]}</p>\n`
    }<p id="what">${code.what}${codesAsOtp ? ` ${code.whatElse}` : ''}</p>
<form method="post" action="${path}/code${suffix}">
<label for="code">${code.label}</label>
<input id="code" name="code" required maxlength="64" autocomplete="one-time-code" dir="ltr"
inputmode="${codesAsOtp ? 'text' : 'numeric'}" autocapitalize="characters" spellcheck="false"
aria-describedby="what">
<button>${code.go}</button>
</form>
<p><a href="${path}${suffix}">${code.back}</a></p>`,
  }
}
