// The texts of hosted prompts, in English; part of en.ts.

export const promptTexts = {
  /** While the browser is sent back to the client. */
  goingBack: {
    title: 'One moment',
    go: 'Continue',
  },
  title: 'Confirm it is you',
  about: '{tenant} asks whether it is you who signs in to {application}.',
  ready: 'Press the button, and answer on your phone. Nobody is asked before.',
  ask: 'Ask my phone',
  type: 'Open the app on your phone, and type this number there:',
  waiting: 'Waiting for your phone.',
  fetched: {
    one: 'Your phone has it. {tries} try is left.',
    other: 'Your phone has it. {tries} tries are left.',
  },
  left: 'Time left: {time}',
  until: 'until {time}',
  minuteLeft: 'One minute left',
  secondsLeft: '15 seconds left',
  roundOver: 'The time for this number is over. You can get one more number.',
  more: 'Show a new number',
  askAgain: 'Ask again',
  again: 'Send it again',
  sentAgain: 'If your phone was asked some seconds ago or more, it is asked again.',
  person: 'Person',
  notYou: 'Not you? Go back',
  place: 'From',
  browser: 'Browser',
  browserOn: '{browser} on {system}',
  notHere: {
    title: 'My phone is not with me',
    what:
      'Type a code from the app, which needs no network, or another code that you have. ' +
      'Without any, ask the help desk of your organisation.',
    nothing: 'Nothing arrives? Open the app yourself. Every device of yours is asked.',
    go: 'Type a code',
  },
  code: {
    title: 'Type a code',
    label: 'Code',
    what: 'From the app on any device of yours: 6 to 8 digits.',
    whatElse: 'Or a recovery code, or a code from the help desk.',
    go: 'Confirm',
    back: 'Back to the number',
    faults: {
      passcode_wrong:
        'This code does not count. Check it, wait for the next one, or go back to the number.',
      passcode_used: 'This code was used before. Wait for the next one.',
      passcode_expired: 'This code is too old. Ask the help desk for a new one.',
      passcode_clock_off:
        'This code was right some minutes ago. Let your phone set its clock by itself.',
    },
  },
  enroll: {
    notHereOrNone: 'My phone is not with me, or I have none yet',
    title: 'Add a first device',
    what:
      'For people who never had a device or recovery codes here. The help desk of your ' +
      'organisation gives you a code for it when it knows that it is you.',
    label: 'Code from the help desk',
    empty: 'Leave it empty if you were told that you need none.',
    go: 'Continue',
    refused:
      'This is not possible: the code does not count, or you cannot add a device this way. Ask ' +
      'the help desk of your organisation.',
    over: 'No device was added: its code was not used in time, or the number was wrong.',
    done: 'It has approved nothing yet. Confirm with it now that it is you who signs in.',
  },
  cancel: 'Cancel',
  back: 'Back to {application}',
  closed: 'This sign-in was finished before. Close this page, or begin again where you came from.',
  /** The name of this language in itself. */
  language: 'English',
  ends: {
    approved: {
      title: 'Confirmed',
      what: 'You are taken back to {application}.',
    },
    denied: {
      title: 'It was not approved',
      what: 'You said no on your phone, or the number was wrong too often.',
    },
    reported: {
      title: 'Your organisation has been told',
      what:
        'It was reported that this was not you. Change your password from a device that you ' +
        'trust.',
    },
    expired: {
      title: 'Nobody answered in time',
      what: 'Nothing was approved. Go back, and begin again.',
    },
    cancelled: {
      title: 'It was called off',
      what: 'Nothing was approved.',
    },
    code_not_allowed: {
      title: 'Not with such a code',
      what:
        '{application} takes no recovery codes, and no codes from the help desk. No code was ' +
        'used up. Go back, and begin again with your phone or a code from the app.',
    },
    unavailable: {
      title: 'Not possible at the moment',
      what: 'Nothing was approved. Go back, and try again later.',
    },
  },
}
