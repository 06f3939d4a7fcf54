// Every text of the portal's pages, in one place, so that another language is another object of
// this shape.

import type { DeviceStatus, personalReasons, UnregisterReason } from '../../../domain/device.ts'

/** Built for the first page that shows a time: the rules of a language take 30 ms. */
const buildFormats = () => ({
  dates: new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }),
  times: new Intl.DateTimeFormat('en', {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone: 'UTC',
  }),
})
let builtFormats: ReturnType<typeof buildFormats> | undefined
const formats = () => {
  builtFormats ??= buildFormats()
  return builtFormats
}

// A right-to-left name does not reorder the text around it (Unicode UAX #9, isolates).
const isolate = (name: string) => `\u2068${name}\u2069`

const lostDevice =
  'Lock or erase it from afar with the service of its maker, such as Find My or Find Hub.'
const tellHelpDesk =
  'Tell the help desk of your organisation, and report any sign-in that was not you.'

export const english = {
  lang: 'en',
  date: (at: Date) => formats().dates.format(at),
  time: (at: Date) => `${formats().times.format(at)} UTC`,
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
    signedInAs: ['Signed in as ', ' at ', '. This page works until '] as const,
    none:
      'No device approves sign-ins for you at the moment. To add one, ask the help desk of ' +
      'your organisation for a code.',
    model: 'Model',
    app: 'App',
    addedAt: 'Added',
    lastUsed: 'Last used',
    never: 'Not yet',
    status: 'Status',
    statuses: {
      unconfirmed: 'Being added, not confirmed yet',
      active: 'Can approve sign-ins',
      suspended: 'Suspended by an administrator',
      unregistered: 'Unregistered',
    } satisfies Record<DeviceStatus, string>,
    unregister: (name: string) => `Unregister ${isolate(name)}`,
    signOut: 'Sign out',
  },
  confirm: {
    title: (name: string) => `Unregister ${isolate(name)}?`,
    what:
      'From then on it can approve no sign-in. This cannot be taken back: to be used again ' +
      'it must be added again.',
    why: 'Why?',
    reasons: {
      lost: 'It is lost',
      stolen: 'It was stolen',
      replaced: 'A new device takes its place',
      user_request: 'I do not use it any more',
    } satisfies Record<(typeof personalReasons)[number], string>,
    go: 'Unregister this device',
    back: 'Keep it and go back',
  },
  result: {
    title: (name: string) => `${isolate(name)} is unregistered`,
    what: 'It can approve no sign-in any more, from now on.',
    next: 'What to do next',
    steps: {
      lost: [lostDevice, tellHelpDesk],
      stolen: [lostDevice, 'Change your password from a device that you trust.', tellHelpDesk],
      replaced: ['Remove your account from the app on the old device before you give it away.'],
      user_request: ['Remove the app from the device if you do not need it.'],
      admin: [],
      not_confirmed: [],
    } satisfies Record<UnregisterReason, readonly string[]>,
    others: 'Sign in as usual: your other devices go on working.',
    noOther:
      'No other device can approve your sign-ins. Before you need one, ask the help desk ' +
      'of your organisation for a code to add it.',
    back: 'Back to your devices',
  },
  signedOutPage: {
    title: 'You are signed out',
    what: 'You can close this page. To come back, ask for a new link.',
  },
  problems: {
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
  devicesLink: 'If you have just opened it in this browser, go on to ',
} as const
