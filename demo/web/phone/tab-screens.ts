import type { ApprovalRequest } from '../../../clients/device/src/approval-request.ts'
import type { ActivityDetails, DeviceDetails } from '../../../clients/device/src/views.ts'
import { button, countdown, el, field, form, icon, note, type Shape } from '../dom.ts'
import type { App, Tab } from './app.ts'
import { confirmPerson } from './biometrics.ts'
import { activityTitle, actorName, ago, phoneNames } from './words.ts'

const tabs: readonly (readonly [Tab, string, Shape])[] = [
  ['requests', 'Requests', 'bell'],
  ['activity', 'Activity', 'list'],
  ['devices', 'Phones', 'phone'],
]

/** A tab with the account above and the other tabs below. */
export function tabScreen(app: App, tab: Tab): HTMLElement {
  const content = { requests: requestsTab, activity: activityTab, devices: devicesTab }[tab](app)
  const { account } = app.handset.stored
  return el(
    'div',
    { class: 'page tabbed' },
    el(
      'header',
      { class: 'who' },
      el('b', {}, account?.user.displayName ?? ''),
      el('span', { class: 'muted' }, account?.tenant.name ?? ''),
    ),
    content,
    el(
      'nav',
      { class: 'tabs', 'aria-label': 'App' },
      ...tabs.map(([name, label, shape]) => {
        const go = button('', 'quiet', () => app.go({ at: 'tab', tab: name }), {
          'aria-current': name === tab ? 'page' : null,
        })
        go.append(icon(shape), el('span', {}, label))
        return go
      }),
    ),
  )
}

function requestsTab(app: App): HTMLElement {
  const { requests } = app.handset
  const trouble = el('div', { class: 'trouble' })
  const check = async () => {
    trouble.replaceChildren()
    try {
      await app.handset.check()
      if (app.handset.requests.length === 0) trouble.replaceChildren(note('plain', 'Nothing new.'))
    } catch (error) {
      trouble.replaceChildren(note('bad', icon('alert'), app.words(error)))
    }
  }
  const list =
    requests.length > 0
      ? el('ul', { class: 'cards' }, ...requests.map((request) => requestCard(app, request)))
      : el(
          'div',
          { class: 'nothing' },
          icon('shield'),
          el('p', {}, 'Nobody asks at the moment.'),
          el('p', { class: 'muted small' }, 'When you sign in somewhere, the question comes here.'),
        )
  return el(
    'section',
    {},
    el('h1', {}, 'Requests'),
    list,
    trouble,
    button('Check for requests', 'plain', check),
  )
}

function requestCard(app: App, request: ApprovalRequest): HTMLElement {
  const time = el('span', { class: 'muted small' })
  app.everyMoment(() => {
    time.textContent = `${countdown(request.expiresAt.getTime() - app.handset.now())} left`
  })
  const { relyingParty, application, location } = request.context
  const open = button('', 'plain', () => app.go({ at: 'request', request }))
  open.append(
    el('b', {}, relyingParty),
    el('span', { class: 'muted small' }, [application, location].filter(Boolean).join(' · ')),
    time,
  )
  return el('li', {}, open)
}

/** A list that is fetched when its tab opens. */
function loadingScreen(app: App, title: string, load: () => Promise<HTMLElement>): HTMLElement {
  const body = el(
    'div',
    { class: 'fetched', 'aria-busy': 'true' },
    el('p', { class: 'muted' }, '…'),
  )
  const fill = async () => {
    try {
      body.replaceChildren(await load())
    } catch (error) {
      body.replaceChildren(
        note('bad', icon('alert'), app.words(error)),
        button('Try again', 'plain', fill),
      )
    }
    body.ariaBusy = 'false'
  }
  void fill()
  return el('section', {}, el('h1', {}, title), body)
}

function activityTab(app: App): HTMLElement {
  const { handset } = app
  return loadingScreen(app, 'Activity', async () => {
    const [{ items }, devices] = await handset.call((client) =>
      Promise.all([client.activities({ limit: 30 }), client.devices()]),
    )
    const names = phoneNames(devices, items)
    return el('ol', { class: 'rows' }, ...items.map((item) => activityRow(app, item, names)))
  })
}

function activityRow(
  app: App,
  activity: ActivityDetails,
  names: ReadonlyMap<string, string>,
): HTMLElement {
  const { handset } = app
  const who = actorName(activity, handset.stored.account?.deviceId, names, app.company)
  const when = ago(Date.parse(activity.occurredAt), handset.now())
  return el(
    'li',
    { class: activity.severity },
    el('span', {}, el('b', {}, activityTitle(activity)), el('span', { class: 'muted small' }, who)),
    el('span', { class: 'muted small' }, when),
  )
}

function devicesTab(app: App): HTMLElement {
  const { handset } = app
  return loadingScreen(app, 'Your phones', async () => {
    const items = await handset.call((client) => client.devices())
    return el('ul', { class: 'rows' }, ...items.map((item) => deviceRow(app, item)))
  })
}

function deviceRow(app: App, device: DeviceDetails): HTMLElement {
  const isOwn = device.id === app.handset.stored.account?.deviceId
  const change = isOwn
    ? button('Rename', 'quiet', () => rename(app, device))
    : button('Unregister', 'danger', () => unregister(app, device))
  change.setAttribute('aria-label', `${change.textContent} ${device.name}`)
  return el(
    'li',
    {},
    el(
      'span',
      {},
      el('b', {}, device.name),
      el('span', { class: 'muted small' }, isOwn ? `${device.model}, this phone` : device.model),
    ),
    change,
  )
}

async function rename(app: App, { name }: DeviceDetails): Promise<void> {
  const newName = await app.ask<string>('Rename this phone', (close) => {
    const input = field('New name', {
      name: 'name',
      value: name,
      maxlength: 64,
      autocomplete: 'off',
      'data-focus': true,
    })
    return form(
      (fields) => close(String(fields.get('name')).trim() || null),
      el('h2', {}, 'Rename this phone'),
      input.element,
      el('button', { class: 'button primary' }, 'Save'),
      button('Cancel', 'quiet', () => close(null)),
    )
  })
  if (newName !== null) await perform(app, (client) => client.updateSelf({ name: newName }))
}

async function unregister(app: App, { id, name }: DeviceDetails): Promise<void> {
  const isSure = await confirmPerson(
    app,
    `To unregister ${name}. It can answer nothing from then on, for anyone who has it.`,
  )
  if (isSure) await perform(app, (client) => client.unregisterOther(id))
}

async function perform(app: App, make: Parameters<App['handset']['call']>[0]): Promise<void> {
  try {
    await app.handset.call(make)
    app.refresh()
  } catch (error) {
    await app.ask('It did not work', (close) =>
      el(
        'div',
        {},
        note('bad', icon('alert'), app.words(error)),
        button('Close', 'plain', () => close(null), { 'data-focus': true }),
      ),
    )
  }
}
