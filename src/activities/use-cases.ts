// What callers can do with activities.

export { listActivities, listOwnActivities } from './list-activities.ts'
export {
  readNotificationPreferences,
  setNotificationPreferences,
} from './notification-preferences.ts'
export { postActivity } from './post-activity.ts'
