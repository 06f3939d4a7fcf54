// What callers can do with portal.

export {
  authenticatePortal,
  closePortal,
  createPortalLink,
  listPortalActivities,
  listPortalDevices,
  openPortal,
  readPortalDevice,
  readPortalPushes,
  unregisterFromPortal,
} from './portal.ts'
