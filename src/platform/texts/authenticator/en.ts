// The texts of the authenticator, in English: what a translation translates.

import { activitiesEn } from '../activities-en.ts'
import { otherCodesEn } from './other-codes-en.ts'

export const authenticatorEn = {
  locale: 'en-GB',
  direction: 'ltr',
  name: 'Countersign',
  skip: 'Skip to the content',
  loading: 'Loading …',
  back: 'Back',
  close: 'Close',
  cancel: 'Cancel',
  retry: 'Try again',
  tabs: {
    label: 'App',
    requests: 'Requests',
    codes: 'Codes',
    activity: 'Activity',
    more: 'Settings',
  },
  welcome: {
    title: 'Approve sign-ins in this browser',
    what:
      'When you sign in at work, this app asks whether it is really you. You type the number ' +
      'that the sign-in page shows.',
    begin: 'To begin, you need the code that your organisation shows you.',
    scan: 'Scan a QR code',
    type: 'Type a code',
    sameBrowser:
      'Use it on another device than the one you sign in on, if you can: in one browser both are ' +
      'lost together.',
    unstored:
      'This browser stores nothing, so it cannot keep keys. A private window, a full disk or a ' +
      'setting may be the reason.',
    insecure:
      'This page was not opened over https, so the browser gives it no keys. Ask your ' +
      'organisation for the https address.',
  },
  install: {
    title: 'Put this app on your home screen',
    why: 'Installed, it opens by itself, and browsers keep its keys for longer.',
    button: 'Install',
    ios: 'In Safari, press Share, then “Add to Home Screen”.',
    others: 'In the menu of your browser, choose “Install” or “Add to Home screen”.',
  },
  lost: {
    title: 'The keys of this app are gone',
    what:
      'This browser removed what the app had stored, or it was cleared. That is like a lost ' +
      'phone: nobody can approve with the old keys from here.',
    next: 'Add your account again. Then remove the old entry of this browser from your devices.',
    begin: 'Add an account again',
  },
  add: {
    title: 'Add an account',
    fromLink:
      'A link wants to add an account to this browser. Go on only if you just asked for it.',
    useThis: 'Use this browser',
    scanTitle: 'Scan the QR code',
    scanHow: 'Point the camera at the code on the page of your organisation.',
    camera: 'Picture of the camera',
    noCamera:
      'The camera cannot be used. Allow it in the settings of the browser, or type the code.',
    typeTitle: 'Type the code',
    tenant: 'Organisation',
    tenantHint: 'It begins with tnt_ and is next to the code.',
    user: 'User name',
    code: 'Code',
    codeHint: '10 characters, next to the QR code. Dashes and capitals do not matter.',
    device: 'Name of this browser',
    deviceHint: 'So that you recognise it in the list of your devices.',
    go: 'Continue',
    busy: 'Creating keys …',
    foreign: 'This code belongs to another server. Open the app of that server.',
    unreadable: 'That is no code for this app.',
    codeShape: 'The code has 10 characters.',
    tenantShape: 'That is not the id of an organisation.',
    unstored: 'This browser stores nothing, so it cannot keep keys. The code was not used up.',
  },
  confirm: {
    title: 'Is this you?',
    joins: 'You join {tenant} as {user}.',
    how: 'Type the number that the page of your organisation shows now.',
    number: 'Number',
    go: 'Confirm',
    notMe: 'Not me, stop',
    added: 'This browser approves sign-ins of {user} from now on.',
    evictable:
      'This browser may remove the keys when it needs space. Installing the app makes that ' +
      'less likely.',
  },
  requests: {
    title: 'Requests',
    none: 'Nothing is waiting.',
    checkedAt: 'Checked at {time}.',
    check: 'Check now',
    asks: '{party} asks: is this you?',
    open: 'Look at it',
    refused: {
      one: '{count} request could not be verified, and is not shown.',
      other: '{count} requests could not be verified, and are not shown.',
    },
    offline: 'You are offline. Sign in with a code instead.',
    toCodes: 'Show codes',
    since: 'What you see is from {time}.',
    unconfirmed: 'This account waits for its number.',
    toConfirm: 'Type the number',
    ended: 'An account was removed from this browser.',
    toEnded: 'What now?',
  },
  request: {
    title: '{party} asks: is this you?',
    says: '{party} says:',
    application: 'Application',
    action: 'Action',
    amount: 'Amount',
    payee: 'To',
    location: 'Place',
    ip: 'Network address',
    userAgent: 'Browser',
    askedAt: 'Asked at',
    account: 'Account',
    sameBrowser:
      'This sign-in began in a browser like this one. If it is this one, a thief who takes it ' +
      'over has both: use another device where it matters.',
    left: '{time} left',
    leftSoon: '{seconds} seconds left',
    number: 'Number on the sign-in page',
    digits: { one: '{count} digit', other: '{count} digits' },
    approve: 'Approve',
    deny: 'Deny',
    notMe: 'This wasn’t me',
    needsPasskey:
      'This sign-in has to be approved with a fingerprint, a face or a PIN, which this browser ' +
      'was not set up for. Use another of your devices.',
    wrong: {
      one: 'That is not the number. You can try {count} more time.',
      other: 'That is not the number. You can try {count} more times.',
    },
    length: { one: 'The number has {count} digit.', other: 'The number has {count} digits.' },
    sending: 'Sending …',
  },
  report: {
    title: 'Report this sign-in?',
    what: {
      deny: 'The sign-in is denied.',
      lock: 'Notifications to you are locked, so that nobody can flood you with requests.',
      desk: 'Your organisation receives a report.',
    },
    go: 'Report it',
  },
  ending: {
    approved: 'Approved',
    approvedWhat: 'You can go back to {party}.',
    denied: 'Denied',
    deniedWhat: 'Nobody was signed in.',
    reported: 'Reported',
    reportedWhat: 'Your organisation has the report. Change your password from a device you trust.',
    closed: 'Already answered',
    closedWhat: 'This request was answered elsewhere, or taken back.',
    expired: 'Too late',
    expiredWhat: 'Start the sign-in again.',
    mismatch: 'Denied: too many wrong numbers',
    mismatchWhat: 'If you did not start this sign-in, tell your help desk.',
    returnTo: 'Go to {host}',
    done: 'Done',
  },
  codes: {
    title: 'Codes',
    what: 'A sign-in page takes one of these where it asks for a code, also without a network.',
    none: 'Your organisation allows no codes, or there is no account yet.',
    of: 'Code of {user} at {tenant}',
    left: { one: '{count} second', other: '{count} seconds' },
    copy: 'Copy',
    copied: 'Copied.',
  },
  otherCodes: otherCodesEn,
  activity: {
    title: 'Activity',
    none: 'Nothing has happened yet.',
    more: 'Earlier',
    notMe: 'This wasn’t me',
    reportTitle: 'Report this?',
    reported: 'Reported. Change your password from a device you trust.',
    types: activitiesEn,
  },
  settings: {
    title: 'Settings',
    accounts: 'Accounts',
    addAccount: 'Add an account',
    language: 'Language',
    storage: 'Keys in this browser',
    kept: 'The browser promised to keep them.',
    evictable:
      'The browser may remove them when it needs space, and you would have to start again.',
    oneChannel:
      'If you also sign in with this browser, a thief who takes it over has both. Use another ' +
      'device where it matters.',
  },
  ended: {
    title: 'This browser was removed',
    what: 'It approves nothing for {user} at {tenant} since {time}.',
    next: 'If it was not you, tell your help desk. To use it again, add the account again.',
    erase: 'Erase its keys',
  },
  /** By what the browser calls it; anything else is the first. */
  passkeyErrors: {
    NotAllowedError:
      'The passkey was not used: that was cancelled, took too long, or it is not here any ' +
      'more. Nothing was sent; you can try again.',
    InvalidStateError: 'There is a passkey for this already. Use another place for it.',
    NotSupportedError: 'That place cannot keep the kind of passkey that is needed.',
    SecurityError:
      'The passkeys of this app belong to another address than this page. Tell your ' +
      'organisation.',
  },
  errors: {
    unreachable: 'The service cannot be reached. Nothing was changed; try again in a moment.',
    unexpected_response:
      'The service answered in a way that this app does not know. Load it again.',
    key_set_refused:
      'The keys of the service do not follow from those that this app trusts. Tell your help desk.',
    unconfirmed_claim:
      'The service did not answer in time, and the code may be used up. Ask for a new one.',
    enrollment_code_invalid: 'This code is not valid. Check the user name and the code.',
    enrollment_expired: 'This code is too old. Ask for a new one.',
    enrollment_not_open: 'This code was used already. If it was not you, tell your help desk.',
    enrollment_not_claimed: 'It was stopped. Ask for a new code.',
    too_many_devices: 'You have as many devices as you may. Remove one of them first.',
    push_locked: 'Sign-in by phone is locked. Denying and reporting still work.',
    user_suspended: 'Your organisation has stopped your sign-ins. Ask your help desk.',
    too_many_requests: 'Too much is going on at the moment. Try again shortly.',
    clock_skew: 'The time of this device is far off, and correcting it did not help.',
    storage: 'This browser could not store it.',
    unknown: 'That did not work.',
    reference: 'For your help desk: {code}',
  },
} as const
