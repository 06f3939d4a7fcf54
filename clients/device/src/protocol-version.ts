/** The version of the device protocol that this client speaks; it says so when it enrolls. */
export const protocolVersion = 2
