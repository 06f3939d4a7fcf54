// Every text that people read, in English: what a translation translates (texts.ts).

import { type ProblemCode, problems } from '../http/problem-table.ts'
import { portalTexts } from './portal-en.ts'
import { promptTexts } from './prompt-en.ts'

const titles = Object.entries(problems).map(([code, { title }]) => [code, title])

const lostDevice =
  'Lock or erase it from afar with the service of its maker, such as Find My or Find Hub.'
const tellHelpDesk =
  'Tell the help desk of your organisation, and report any sign-in that was not you.'

export const en = {
  /** For dates. */
  locale: 'en-GB',
  direction: 'ltr',
  /** Titles of problem documents. */
  problems: Object.fromEntries(titles) as Readonly<Record<ProblemCode, string>>,
  /** What a phone shows where the app cannot show a text of its own. */
  pushes: {
    challenge_opened: { title: 'Sign-in request', body: 'Open the app to check it.' },
    challenge_closed: { title: 'Sign-in request', body: 'This sign-in request is over.' },
    activity_recorded: { title: 'Account activity', body: 'Open the app to see what happened.' },
    digest: {
      one: '{more} more event. Open the app to see what happened.',
      other: '{more} more events. Open the app to see what happened.',
    },
    test: { title: 'Test notification', body: 'Notifications reach this device.' },
  },
  /** The page at the root of the service. */
  home: {
    about:
      'This is a server that asks people on their phones whether a sign-in is really theirs. ' +
      'It has no page to sign in.',
    documentation: 'Documentation of its API',
    ready: 'Whether it is ready',
    lostPhone:
      'If you came here to unregister a lost phone, ask the help desk of your organisation for ' +
      'a link.',
  },
  /** For people who open the address of a QR code in a browser. */
  enrollment: {
    title: 'Scan this code with your sign-in app',
    notHere:
      'This address is meant for the scanner inside the app, not for a browser or the ' +
      'camera of the phone.',
    openApp: 'Open the app',
    openedAgain:
      'If this page opens again, the app is not on this device, or the browser offers it ' +
      'above the page.',
    useBrowser: 'Use this browser',
    useBrowserWhen:
      'Only if you have no phone for it: a thief who takes over this browser could then sign in ' +
      'and approve.',
    how:
      'Open the app that your organisation gave you for approving sign-ins, choose to add ' +
      'an account there, and point it at the QR code. If you have no camera at hand, type ' +
      'the code next to it.',
    nothingYet: 'Nothing has happened yet: the code still works, until it expires.',
  },
  link: {
    title: 'Look after your devices',
    about:
      'Here you see the phones and other devices that approve your sign-ins, and can ' +
      'unregister one that is lost or stolen.',
    nothingYet:
      'Nothing has happened yet. The link works once, and for fifteen minutes after it was made.',
    notYours:
      'If you did not ask for this link, close this page and tell the help desk of your ' +
      'organisation.',
    go: 'Continue',
  },
  devices: {
    title: 'Your devices',
    signedInAs: 'Signed in as {user} at {tenant}. This page works until {time}.',
    none:
      'No device approves sign-ins for you at the moment. Add a phone below, or ask the help ' +
      'desk of your organisation for a code.',
    model: 'Model',
    addedAt: 'Added',
    lastUsed: 'Last used',
    never: 'Not yet',
    status: 'Status',
    statuses: {
      unconfirmed: 'Being added, not confirmed yet',
      active: 'Can approve sign-ins',
      suspended: 'Suspended',
      unregistered: 'Unregistered',
    },
    unregister: 'Unregister {name}',
    signOut: 'Sign out',
  },
  confirm: {
    title: 'Unregister {name}?',
    what:
      'From then on it can approve no sign-in. This cannot be taken back: to be used again ' +
      'it must be added again.',
    why: 'Why?',
    reasons: {
      lost: 'It is lost',
      stolen: 'It was stolen',
      replaced: 'A new device takes its place',
      user_request: 'I do not use it any more',
    },
    go: 'Unregister this device',
    back: 'Keep it and go back',
  },
  result: {
    title: '{name} is unregistered',
    what: 'It can approve no sign-in any more, from now on.',
    next: 'What to do next',
    steps: {
      lost: [lostDevice, tellHelpDesk],
      stolen: [lostDevice, 'Change your password from a device that you trust.', tellHelpDesk],
      replaced: ['Remove your account from the app on the old device before you give it away.'],
      user_request: ['Remove the app from the device if you do not need it.'],
      admin: [],
      not_confirmed: [],
    },
    others: 'Sign in as usual: your other devices go on working.',
    noOther:
      'No other device can approve your sign-ins. Before you need one, ask the help desk ' +
      'of your organisation for a code to add it.',
    back: 'Back to your devices',
  },
  portal: portalTexts,
  prompt: promptTexts,
  signedOut: {
    title: 'You are signed out',
    what: 'You can close this page. To come back, ask for a new link.',
  },
  /** Pages about problems; `problemPageOf` says which codes share one. */
  problemPages: {
    portal_link_invalid: {
      title: 'This link does not work any more',
      what:
        'A link works once, and for fifteen minutes. Ask for a new link where you got this ' +
        'one.',
    },
    portal_session_invalid: {
      title: 'Ask for a new link',
      what:
        'You are not signed in here, or not any more: it lasts fifteen minutes. Ask for a ' +
        'new link where you got the last one.',
    },
    portal_step_up_needed: {
      title: 'First a code',
      what:
        'Nothing was changed: too much time has passed. Go back to your devices, choose it ' +
        'again, and type a code there.',
    },
    portal_link_needed: {
      title: 'This needs a link',
      what:
        'Nothing was changed. You signed in with a device: so you can look, and suspend or ' +
        'unregister devices. For everything else, ask your organisation for a link.',
    },
    portal_not_approved: {
      title: 'The sign-in is not approved',
      what:
        'Perhaps too much time has passed, or this sign-in was used already: each works once. ' +
        'Begin again.',
    },
    origin_not_allowed: {
      title: 'This did not come from our page',
      what:
        'Nothing was changed. Open your link again in an up-to-date browser, and press the ' +
        'button on the page itself.',
    },
    not_found: {
      title: 'There is nothing here',
      what:
        'Check the address: it may have been cut off. If a link brought you here, ask for ' +
        'a new one.',
    },
    invalid_request: {
      title: 'That could not be read',
      what: 'Nothing was changed. Go back, choose again, and send it once more.',
    },
    unavailable: {
      title: 'Not possible at the moment',
      what:
        'Try again in a moment. Whether the last step was taken is not known: look at your ' +
        'devices first. If the link does not work then, ask for a new one.',
    },
    busy: {
      title: 'Too much is going on at the moment',
      what: 'Nothing was changed. Wait a moment, and try again.',
    },
    internal: {
      title: 'Something went wrong on our side',
      what:
        'Try again in a moment. If it happens again, tell the help desk of your ' +
        'organisation what is shown here:',
    },
  },
  devicesLink: 'If you have just opened it in this browser, go on to {devices}.',
} as const
