// Elements without a framework, and without parsing any text as HTML.

type Listener = (event: Event) => unknown
type Value = string | number | boolean | null | Listener

/**
 * An element with attributes, listeners (`onclick`, ...) and children. False and null leave an
 * attribute out.
 */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, Value>> = {},
  ...children: readonly (Node | string | null)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value)
    else if (typeof value === 'boolean') element.toggleAttribute(name, value)
    else if (value !== null) element.setAttribute(name, String(value))
  }
  element.append(...children.filter((child) => child !== null))
  return element
}

const shapes = {
  check: ['M5 12.5l4.5 4.5L19 7.5'],
  cross: ['M6 6l12 12', 'M18 6L6 18'],
  alert: ['M12 8v5', 'M12 16.5v.5', 'M12 3.5l9.5 16.5h-19z'],
  bell: ['M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15z', 'M10 20.5h4'],
  clock: ['M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 0 0 0-17z', 'M12 7.5V12l3 2'],
  phone: [
    'M8 3h8a1.5 1.5 0 0 1 1.5 1.5v15A1.5 1.5 0 0 1 16 21H8a1.5 1.5 0 0 1-1.5-1.5v-15A1.5 1.5 0 0 1 8 3z',
    'M11 18h2',
  ],
  scan: ['M4 8V4h4', 'M16 4h4v4', 'M20 16v4h-4', 'M8 20H4v-4', 'M4 12h16'],
  pin: [
    'M12 21s6.5-6 6.5-11a6.5 6.5 0 0 0-13 0c0 5 6.5 11 6.5 11z',
    'M12 7.8a2.2 2.2 0 1 0 0 4.4a2.2 2.2 0 0 0 0-4.4z',
  ],
  globe: [
    'M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 0 0 0-17z',
    'M3.5 12h17',
    'M12 3.5c5 5.5 5 11.5 0 17c-5-5.5-5-11.5 0-17z',
  ],
  window: ['M4 5h16v14H4z', 'M4 9h16'],
  list: [
    'M9 6.500h11',
    'M9 12h11',
    'M9 17.500h11',
    'M4.5 6.500h.01',
    'M4.5 12h.01',
    'M4.5 17.500h.01',
  ],
  shield: [
    'M12 3l7.5 3v5.500c0 4.5-3 8-7.5 9.500c-4.5-1.5-7.5-5-7.5-9.500V6z',
    'M8.5 12l2.5 2.500l4.5-5',
  ],
  face: [
    'M4 8V5.500A1.5 1.5 0 0 1 5.5 4H8',
    'M16 4h2.500A1.5 1.5 0 0 1 20 5.500V8',
    'M20 16v2.500a1.5 1.5 0 0 1-1.5 1.500H16',
    'M8 20H5.500A1.5 1.5 0 0 1 4 18.500V16',
    'M9 9.500v1',
    'M15 9.500v1',
    'M12 9.500v3.500h-1',
    'M9 15.500c1.5 1.3 4.5 1.3 6 0',
  ],
  finger: [
    'M7 19c1.5-2 2-4.5 2-7.500a3 3 0 0 1 6 0c0 3.5-.5 6.5-2 9',
    'M5 15.500c.8-1.5 1-2.8 1-4.500a6 6 0 0 1 12 0c0 2.5-.2 4.5-.8 6.5',
    'M12 11.500c0 3.8-.8 6.5-2.3 8.8',
  ],
  offline: [
    'M4 4l16 16',
    'M9 17.500a4 4 0 0 1 6 0',
    'M5.5 13.500a9 9 0 0 1 4-2.3',
    'M2.5 9.800A13.5 13.5 0 0 1 7 7',
    'M13.5 11.200a9 9 0 0 1 5 2.3',
    'M11 6.100a13.5 13.5 0 0 1 10.5 3.7',
  ],
} as const

export type Shape = keyof typeof shapes

/** A line drawing in the color of the text around it; it carries no information beyond the text. */
export function icon(shape: Shape): SVGSVGElement {
  const namespace = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(namespace, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  for (const line of shapes[shape]) {
    const path = document.createElementNS(namespace, 'path')
    path.setAttribute('d', line)
    svg.append(path)
  }
  return svg
}

/** A button; it is disabled while its action runs. */
export function button(
  label: string,
  kind: 'primary' | 'plain' | 'danger' | 'quiet',
  onPress: () => unknown,
  more: Readonly<Record<string, Value>> = {},
): HTMLButtonElement {
  const element = el('button', { type: 'button', class: `button ${kind}`, ...more }, label)
  onceAtATime(element, 'click', 'ariaDisabled', onPress)
  return element
}

/** A form that a script handles; `onSubmit` gets its fields. */
export function form(
  onSubmit: (fields: FormData) => unknown,
  ...children: readonly (Node | string | null)[]
): HTMLFormElement {
  const element = el('form', { novalidate: true }, ...children)
  onceAtATime(element, 'submit', 'ariaBusy', () => onSubmit(new FormData(element)))
  return element
}

function onceAtATime(
  element: HTMLElement,
  type: 'click' | 'submit',
  state: 'ariaBusy' | 'ariaDisabled',
  act: () => unknown,
): void {
  element.addEventListener(type, async (event) => {
    event.preventDefault()
    if (element[state] === 'true') return
    element[state] = 'true'
    try {
      await act()
    } finally {
      element[state] = 'false'
    }
  })
}

/** A field with its label. */
export function field(
  label: string,
  attributes: Readonly<Record<string, Value>>,
): { readonly element: HTMLElement; readonly input: HTMLInputElement } {
  const input = el('input', attributes)
  return { element: el('label', { class: 'field' }, el('span', {}, label), input), input }
}

/** A message with its color. */
export function note(kind: 'good' | 'bad' | 'warn' | 'plain', ...text: readonly (Node | string)[]) {
  return el('p', { class: `note ${kind}`, role: kind === 'bad' ? 'alert' : null }, ...text)
}

/** Replaces the content and focuses its heading, so that screen readers start there. */
export function show(place: HTMLElement, content: HTMLElement, takeFocus: boolean): void {
  place.replaceChildren(content)
  if (!takeFocus) return
  const target = content.querySelector<HTMLElement>('[data-focus]') ?? content.querySelector('h1')
  if (target instanceof HTMLHeadingElement) target.tabIndex = -1
  target?.focus({ preventScroll: true })
}

/** Minutes and seconds. */
export function countdown(leftMs: number): string {
  const seconds = Math.max(0, Math.ceil(leftMs / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** A number in two groups for the eye and digit by digit for the ear. */
export function bigNumber(number: string): HTMLElement {
  const half = Math.ceil(number.length / 2)
  return el(
    'p',
    { class: 'number' },
    el('span', { class: 'for-ears' }, [...number].join(' ')),
    el(
      'span',
      { 'aria-hidden': 'true' },
      el('span', {}, number.slice(0, half)),
      el('span', {}, number.slice(half)),
    ),
  )
}
