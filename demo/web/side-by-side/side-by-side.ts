// Entry of the page that shows the sign-in page and the phone side by side.

const secondAddress = '/phone?name=My%20Android&look=android'

function find<T extends Element>(selector: string, type: new () => T): T {
  const element = document.querySelector(selector)
  if (element instanceof type) return element
  throw new Error(`the page has no ${selector}`)
}

const stage = find('#stage', HTMLElement)
const second = find('#second', HTMLButtonElement)
const computer = find('#computer', HTMLIFrameElement)

/** A second phone of another make, or none. */
second.addEventListener('click', () => {
  const isShown = second.ariaPressed === 'true'
  second.ariaPressed = String(!isShown)
  if (isShown) {
    stage.lastElementChild?.remove()
    return
  }
  const frame = document.createElement('iframe')
  frame.className = 'phone'
  frame.title = 'Second phone'
  frame.src = secondAddress
  stage.append(frame)
  show('phone')
})

/** Where there is room for one only, the visible one. */
const choices = [...document.querySelectorAll<HTMLButtonElement>('.tabs button')]
function show(which: string): void {
  stage.dataset.shows = which
  for (const choice of choices) choice.ariaPressed = String(choice.dataset.shows === which)
}
for (const choice of choices) {
  choice.addEventListener('click', () => show(choice.dataset.shows ?? 'computer'))
}

const mark = () => computer.contentDocument?.documentElement?.classList.add('beside-phone')
computer.addEventListener('load', mark)
mark()
