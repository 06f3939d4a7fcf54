// Written by `npm run client-types` from openapi.yaml. Do not edit.

export interface paths {
    "/v1/challenges": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Page through the challenges of the relying party */
        get: operations["listChallenges"];
        put?: never;
        /**
         * Ask a user
         * @description The challenge exists before any push is tried. With `wait` the answer comes once the challenge has ended, or after that time. A new question of a browser that the user knows supersedes its pending one, which ends as `cancelled` with the reason `superseded`.
         */
        post: operations["createChallenge"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/challenges/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a challenge, waiting for it to end */
        get: operations["readChallenge"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/challenges/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a pending challenge
         * @description Cancelling a cancelled challenge changes nothing; any other end is final.
         */
        post: operations["cancelChallenge"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/challenges/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow a challenge by server-sent events
         * @description An event `challenge` with the challenge as JSON, immediately and at each change; the stream ends after the one whose status is final, when the key is revoked, and after ten minutes at the latest.
         */
        get: operations["followChallenge"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/challenges/{id}/evidence": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The signed question, the signed answer and the key that answered
         * @description There is none until a device has decided.
         */
        get: operations["readEvidence"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/challenges/{id}/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Push a pending challenge again
         * @description Number and expiry stay as they are.
         */
        post: operations["resendChallenge"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/enrollments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Open an enrollment, creating the user if need be */
        post: operations["openEnrollment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/enrollments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read an enrollment, waiting for its status to change
         * @description A page follows an enrollment with `?wait=30&after=open` and then `?wait=30&after=claimed`: a change between two calls is answered immediately.
         */
        get: operations["readEnrollment"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/enrollments/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel an enrollment that is not completed
         * @description A device that has claimed it is unregistered. Cancelling twice changes nothing.
         */
        post: operations["cancelEnrollment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/enrollment-window": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Until when a user may enroll a first device alone */
        get: operations["readEnrollmentWindow"];
        put?: never;
        /**
         * Let a user enroll a first device alone, for at most a day
         * @description Never for a user who has or had a device, passcodes or recovery codes; a temporary code is none of these. The first device closes it. The user is notified, and it is recorded.
         */
        post: operations["openEnrollmentWindow"];
        /**
         * Close the window of a user, and cancel what was begun in it
         * @description Without one nothing changes.
         */
        delete: operations["closeEnrollmentWindow"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/enrollments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Open an enrollment for an existing user */
        post: operations["openEnrollmentOfUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/readiness": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many users could be asked at this moment, and why not the others
         * @description Users with a name in the namespaces of the relying party, each counted once, by the first reason that applies to an unknown initiator; budgets of pushes are left out. It reads all of them: for a dashboard, not for each sign-in.
         */
        get: operations["countReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What users reported as not theirs */
        get: operations["listReports"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reports/{id}/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Resolve a report with what was found out */
        post: operations["resolveReport"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Look a user up, or page through all
         * @description With `identifier`: the one user so named, or an empty list.
         */
        get: operations["listUsers"];
        put?: never;
        /**
         * Import a user
         * @description Returns the user who has all these identifiers, creating it if nobody has any.
         */
        post: operations["importUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a user */
        get: operations["readUser"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Suspend a user, make the user active again, or set their language
         * @description Once a suspension returns, no approval commits and no code is accepted; what was pending is cancelled, open enrollments are void, sessions of the portal are over. Devices, codes and locks are kept.
         */
        patch: operations["changeUser"];
        trace?: never;
    };
    "/v1/users/{userId}/activities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happened to a user
         * @description Activities that other relying parties posted are left out.
         */
        get: operations["listActivities"];
        put?: never;
        /**
         * Post to a user what happened at the relying party
         * @description Shown on the user's devices as a claim of this relying party; no other relying party can read it. Pushed by severity and the user's preferences, within the limit of the policy.
         */
        post: operations["postActivity"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/erase": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Erase a user permanently
         * @description Devices are unregistered, what is pending ends, and keys, tokens, contexts and names are gone. That there were devices, and when, stays on record (NIST SP 800-63B-4, 4.1).
         */
        post: operations["eraseUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Everything that is stored about a user
         * @description As it was at one moment, and sent as it is read: a response that breaks off is not whole.
         */
        get: operations["exportUser"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/protection": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Locks and counters of a user */
        get: operations["readProtection"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/push-sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether a user may use push sign-in */
        get: operations["readPushSignIn"];
        /**
         * Turn push sign-in on or off for a user
         * @description In force from the next challenge and enrollment on; what is pending can still be answered. Devices are kept.
         */
        put: operations["setPushSignIn"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/readiness": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether and how a user can be asked at this moment
         * @description Decided by the rules of creation, without creating anything, as for an unknown initiator.
         */
        get: operations["readUserReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/unlock": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Lift every lock of push sign-in and clear its counts
         * @description Reported initiators may ask again; a suspension stays. The user sees it as an activity.
         */
        post: operations["unlockUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/passcodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a user can be asked for instead of a push */
        get: operations["readOtherFactors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/passcodes/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Verify a code that a user typed
         * @description Each code works once, ever. Wrong ones are counted by initiator, then by user, and recover over time; they never touch pushes.
         */
        post: operations["verifyPasscode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/recovery-codes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create a set of recovery codes
         * @description The former set is invalid from then on. The user is notified.
         */
        post: operations["createRecoveryCodes"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/temporary-codes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create a temporary code, for the help desk to pass on
         * @description For a person whom the help desk has identified. The former one is invalid from then on; the user is notified, and it is audited.
         */
        post: operations["createTemporaryCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/devices/unregister-by-time": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Unregister all devices of the tenant that were registered in a span of time
         * @description At most 200 a call, the oldest first; while `more` is true make the same call again. Each call is on the audit record before it does anything.
         */
        post: operations["unregisterDevicesByTime"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/devices/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a device */
        get: operations["readDevice"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Rename a device, suspend it, or make it active again
         * @description Once a suspension returns, no answer of the device counts until it is active again; its own calls are refused as `device_suspended`.
         */
        patch: operations["changeDevice"];
        trace?: never;
    };
    "/v1/devices/{id}/pushes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The last ten pushes of a device, and what would help
         * @description Pushes of all relying parties that ask its user; what they ask is not in it. To try one, send a test push.
         */
        get: operations["readPushes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/devices/{id}/test-push": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The outcome of the last test push to a device */
        get: operations["readTestPush"];
        put?: never;
        /**
         * Send a harmless push to a device
         * @description Says "notifications reach this device"; once in 10 s, five times within an hour. Not while the user is suspended, locked, has reported something or has paused pushes. Read its outcome by GET.
         */
        post: operations["pushTest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/devices/{id}/unregister": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Unregister a device permanently
         * @description Once this returns, no answer of the device counts any more. Doing it twice changes nothing.
         */
        post: operations["unregisterDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/diagnostics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the diagnostics that devices sent */
        get: operations["listDiagnostics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/diagnostics/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read the diagnostics of an incident */
        get: operations["readDiagnostics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/devices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All devices that a user ever had */
        get: operations["listDevices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/devices/unregister": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Unregister every device of a user
         * @description Once this returns, no answer of these devices counts any more.
         */
        post: operations["unregisterAllDevices"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{userId}/portal-sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create a link with which a user manages their devices in a browser
         * @description Works once, for fifteen minutes. Anyone who opens it can unregister the devices of the user: identify the user first, by another factor than the lost phone.
         */
        post: operations["createPortalLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/integrations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The integrations of the relying party; for admins, all of the tenant */
        get: operations["listIntegrations"];
        put?: never;
        /** Create a door for an existing client */
        post: operations["createIntegration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/integrations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read an integration, with its use and its last error */
        get: operations["readIntegration"];
        put?: never;
        post?: never;
        /**
         * Remove an integration permanently
         * @description In force in every process within a second.
         */
        delete: operations["removeIntegration"];
        options?: never;
        head?: never;
        /**
         * Change or pause an integration
         * @description In force in every process within a second. Recorded before and after.
         */
        patch: operations["changeIntegration"];
        trace?: never;
    };
    "/v1/integrations/{id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give the clients of an integration a new secret
         * @description The old secret ends after `overlapSeconds` at the latest. At most two are live; with an overlap of 0 all old ones end immediately.
         */
        post: operations["rotateIntegration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/integrations/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Test an integration that sends the browser to a page of ours
         * @description Walks a whole sign-in against a double of the client, whose key exists for this one walk: nobody is asked, and nothing is stored but a line in the audit record. Within ten seconds; one at a time of a tenant, and ten in a minute. Other kinds are refused.
         */
        post: operations["testIntegration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhook-endpoints": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The webhook endpoints of the relying party */
        get: operations["listWebhookEndpoints"];
        put?: never;
        /**
         * Add a webhook endpoint
         * @description It receives events from now on. See docs/webhooks.md.
         */
        post: operations["createWebhookEndpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhook-endpoints/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a webhook endpoint */
        get: operations["readWebhookEndpoint"];
        put?: never;
        post?: never;
        /** Remove a webhook endpoint */
        delete: operations["removeWebhookEndpoint"];
        options?: never;
        head?: never;
        /** Change, pause or resume a webhook endpoint */
        patch: operations["changeWebhookEndpoint"];
        trace?: never;
    };
    "/v1/webhook-endpoints/{id}/attempts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Attempts to deliver events to the endpoint */
        get: operations["listWebhookAttempts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhook-endpoints/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send events again
         * @description One event, delivered or not, or everything that failed and happened since a time. They keep their ids.
         */
        post: operations["replayWebhooks"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhook-endpoints/{id}/rotate-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create a new secret
         * @description During the overlap each webhook carries two signatures, so that a receiver that holds either secret accepts it.
         */
        post: operations["rotateWebhookSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhook-endpoints/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a test event
         * @description Of the type `webhook.test`, regardless of the filter; retried for a minute.
         */
        post: operations["testWebhookEndpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All API keys of the tenant */
        get: operations["listApiKeys"];
        put?: never;
        /** Create an API key for a relying party */
        post: operations["createApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/api-keys/{id}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Revoke an API key permanently
         * @description In force everywhere within a second. Revoking a key twice changes nothing.
         */
        post: operations["revokeApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/api-keys/{id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create the successor of an API key
         * @description The new key has the same rights. The old one ends after `overlapSeconds` at the latest; at most two keys of a lineage are live.
         */
        post: operations["rotateApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/apps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The mobile apps of the tenant */
        get: operations["listApps"];
        put?: never;
        /**
         * Add a mobile app with its push credentials
         * @description They are used for devices of this tenant with this app id, before those of the environment.
         */
        post: operations["createApp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/apps/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a mobile app */
        get: operations["readApp"];
        put?: never;
        post?: never;
        /** Remove a mobile app and its credentials */
        delete: operations["removeApp"];
        options?: never;
        head?: never;
        /**
         * Rename a mobile app, or replace its credentials
         * @description New credentials are in use within seconds, in every process.
         */
        patch: operations["changeApp"];
        trace?: never;
    };
    "/v1/audit-events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What was changed in the tenant, by whom
         * @description Changes that belong to no single user; what happened to one is at `/v1/users/{userId}/activities`. Both are chained and signed.
         */
        get: operations["listAuditEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/branding": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the hosted pages of the tenant look */
        get: operations["readBranding"];
        /**
         * Set how the hosted pages of the tenant look
         * @description Replaces all of it: a logo that is left out is removed. On the pages from the next request on. Recorded.
         */
        put: operations["replaceBranding"];
        post?: never;
        /** Let the hosted pages of the tenant look like ours again */
        delete: operations["removeBranding"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/policy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The policy of the tenant */
        get: operations["readPolicy"];
        /**
         * Set the policy of the tenant; fields left out return to their defaults
         * @description In force from the next request on, in every process. Recorded before and after.
         */
        put: operations["replacePolicy"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Set some fields of the policy of the tenant
         * @description In force from the next request on, in every process. Recorded before and after.
         */
        patch: operations["changePolicy"];
        trace?: never;
    };
    "/v1/relying-parties": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All relying parties of the tenant */
        get: operations["listRelyingParties"];
        put?: never;
        /** Add a relying party */
        post: operations["createRelyingParty"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/relying-parties/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Set where challenges of a relying party may lead back
         * @description In force from its next challenge on, in every process.
         */
        patch: operations["changeRelyingParty"];
        trace?: never;
    };
    "/v1/relying-parties/{id}/policy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The policy in force for a relying party */
        get: operations["readRelyingPartyPolicy"];
        /**
         * Set what a relying party asks beyond the policy of its tenant: stricter only
         * @description In force from the next request on, in every process. Recorded before and after.
         */
        put: operations["replaceRelyingPartyPolicy"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tenant": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The tenant of the API key */
        get: operations["readTenant"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Change how the tenant compares identifiers
         * @description In force from the next request on, in every process. Refused where identifiers of different users would become one; `collisions` lists them as `namespace: identifier, identifier`.
         */
        patch: operations["changeTenant"];
        trace?: never;
    };
}
export interface webhooks {
    "challenge.created": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A challenge was created. */
        post: operations["onChallengeCreatedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "challenge.delivered": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The push service accepted the push to a device. */
        post: operations["onChallengeDeliveredEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "challenge.delivery_failed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The push to a device was given up; the device can still find the challenge by polling. */
        post: operations["onChallengeDeliveryFailedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "challenge.fetched": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A device has fetched the challenge. */
        post: operations["onChallengeFetchedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "challenge.approved": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The user approved. */
        post: operations["onChallengeApprovedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "challenge.denied": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The user denied, typed a wrong number too often, or has no device left. */
        post: operations["onChallengeDeniedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "challenge.reported": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The user denied and said: this wasn’t me. */
        post: operations["onChallengeReportedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "challenge.expired": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Nobody answered in time. */
        post: operations["onChallengeExpiredEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "challenge.cancelled": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The relying party or the service cancelled it, or a new question of the browser took its place (`superseded`). */
        post: operations["onChallengeCancelledEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "enrollment.claimed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A device has claimed the enrollment; it is not confirmed yet. */
        post: operations["onEnrollmentClaimedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "enrollment.confirmed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The enrollment is completed. */
        post: operations["onEnrollmentConfirmedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "device.registered": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A user has a new device. */
        post: operations["onDeviceRegisteredEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "device.unregistered": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A device is gone permanently; no answer of it counts. */
        post: operations["onDeviceUnregisteredEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "device.suspended": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A device is suspended until it is made active again. */
        post: operations["onDeviceSuspendedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "device.push_token_lost": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The push service declared the token of a device dead: it finds challenges by polling only. */
        post: operations["onDevicePushTokenLostEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "user.fraud_reported": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The user reported a challenge or an activity as not theirs. */
        post: operations["onUserFraudReportedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "user.push_locked": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Approvals of the user are locked; offer another factor. */
        post: operations["onUserPushLockedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "user.unlocked": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** That lock was lifted by an admin. */
        post: operations["onUserUnlockedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "activity.recorded": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Something was added to the activities of a user; read what there. */
        post: operations["onActivityRecordedEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "webhook.test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A test that events arrive; sent regardless of the filter. */
        post: operations["onWebhookTestEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface components {
    schemas: {
        /** @description Colors of links and buttons. Each needs a contrast of 4.5 to the paper, to cards, and to the text of buttons (WCAG 2.2, 1.4.3): light #ffffff, #f3f5f7 and #ffffff; dark #14181d, #1d232a and #0b1620. */
        Accent: {
            /**
             * @description In the light scheme.
             * @example #0a5cc2
             */
            light: string;
            /**
             * @description In the dark scheme.
             * @example #79b8ff
             */
            dark: string;
        };
        /** @description The user typed a code that was accepted. */
        AcceptedPasscode: {
            /** @description What kind of code it was. */
            method: components["schemas"]["PasscodeMethod"];
            /** @example 10 */
            recoveryCodesLeft: number;
            /**
             * @description `passcode-result+jwt`, readable this once.
             * @example eyJhbGciOiJFUzI1NiIs...
             */
            result: string;
        };
        /** @description One thing that happened to a user. */
        Activity: {
            /**
             * @description The activity.
             * @example act_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The user it happened to.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            userId: string;
            /**
             * @example posted
             * @enum {string}
             */
            type: "user_imported" | "user_suspended" | "user_activated" | "push_sign_in_changed" | "preferences_changed" | "enrollment_opened" | "enrollment_claimed" | "enrollment_cancelled" | "enrollment_void" | "typed_code_ended" | "enrollment_window_opened" | "enrollment_window_closed" | "prompt_enrollment_opened" | "device_added" | "device_renamed" | "device_key_rotated" | "device_unregistered" | "device_suspended" | "device_activated" | "revoked_device_used" | "portal_link_made" | "portal_opened" | "data_exported" | "erasure_requested" | "challenge_created" | "challenge_resent" | "challenge_approved" | "challenge_denied" | "challenge_reported" | "challenge_expired" | "challenge_cancelled" | "number_failed" | "passcode_used" | "passcode_failed" | "recovery_codes_made" | "recovery_code_used" | "temporary_code_made" | "temporary_code_used" | "test_pushed" | "diagnostics_sent" | "push_locked" | "push_unlocked" | "push_paused" | "activity_reported" | "posted";
            severity: components["schemas"]["Severity"];
            /**
             * @description Who did it: `device:<id>`, `portal:<id>`, `api_key:<id>`, `integration:<id>`, `operator` or `service`.
             * @example api_key:01jv9z3k8we2tvn4qh6yrx7b5c
             */
            actor: string;
            challengeId: string | null;
            deviceId: string | null;
            enrollmentId: string | null;
            /** @description Small facts to show, by type. For the user’s devices the `application` of a sign-in is one, as long as the challenge is kept. */
            details: {
                [key: string]: string | number | boolean;
            };
            /** @description What a relying party claims (type `posted`): show it as the statement of that relying party. Null for what the service itself recorded. */
            posted: {
                /** @example password_changed */
                type: string;
                /** @example Your password was changed */
                title: string;
                /** @example If this was not you, tell your help desk. */
                message?: string;
                readonly fields?: {
                    /** @example Browser */
                    label: string;
                    /** @example Firefox on Windows */
                    value: string;
                }[];
                /**
                 * @description When it happened, by that relying party.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                occurredAt: string;
                relyingParty: {
                    /**
                     * @description The relying party.
                     * @example rp_01jv9z3k8we2tvn4qh6yrx7b5c
                     */
                    id: string;
                    /** @example Example Bank */
                    name: string;
                };
            } | null;
            /**
             * Format: date-time
             * @description When it was recorded.
             * @example 2026-01-31T12:00:00.000Z
             */
            occurredAt: string;
        };
        /** @description Activities, newest first. */
        ActivityPage: {
            readonly items: components["schemas"]["Activity"][];
            /** @description Give it as `cursor` to get the next page; null on the last one. */
            nextCursor: string | null;
        };
        /** @description Something was added to the activities of a user; read what there. */
        ActivityRecordedEvent: {
            /** @constant */
            type: "activity.recorded";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The activity.
                 * @example act_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                activityId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                challengeId: string | null;
                deviceId: string | null;
                enrollmentId: string | null;
                /** @enum {string} */
                activityType: "user_imported" | "user_suspended" | "user_activated" | "push_sign_in_changed" | "preferences_changed" | "enrollment_opened" | "enrollment_claimed" | "enrollment_cancelled" | "enrollment_void" | "typed_code_ended" | "enrollment_window_opened" | "enrollment_window_closed" | "prompt_enrollment_opened" | "device_added" | "device_renamed" | "device_key_rotated" | "device_unregistered" | "device_suspended" | "device_activated" | "revoked_device_used" | "portal_link_made" | "portal_opened" | "data_exported" | "erasure_requested" | "challenge_created" | "challenge_resent" | "challenge_approved" | "challenge_denied" | "challenge_reported" | "challenge_expired" | "challenge_cancelled" | "number_failed" | "passcode_used" | "passcode_failed" | "recovery_codes_made" | "recovery_code_used" | "temporary_code_made" | "temporary_code_used" | "test_pushed" | "diagnostics_sent" | "push_locked" | "push_unlocked" | "push_paused" | "activity_reported" | "posted";
                severity: components["schemas"]["Severity"];
            };
        };
        /** @description An API key without its secret, which is stored as a hash only. */
        ApiKey: {
            /**
             * @description The key: the public part of its text.
             * @example key_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The relying party of the key.
             * @example rp_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            relyingPartyId: string;
            /** @example production */
            name: string;
            readonly scopes: components["schemas"]["Scope"][];
            /**
             * @description The first key of the line of rotations that this one belongs to.
             * @example key_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            lineageId: string;
            /** @description From where it may be used; none means from everywhere. */
            readonly allowedAddresses: string[];
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            expiresAt: string | null;
            /** @example null */
            revokedAt: string | null;
            lastUsedAt: string | null;
        };
        /** @description How a key is rotated. */
        ApiKeyRotation: {
            /**
             * @description How long the old key lives on at the most.
             * @default 86400
             */
            overlapSeconds?: number;
            expiresAt?: (string & (unknown & unknown)) | null;
        };
        /** @description All of the tenant. */
        ApiKeys: {
            readonly items: components["schemas"]["ApiKey"][];
            nextCursor: null;
        };
        /** @description A mobile app of the tenant. Its credentials are never shown. */
        App: {
            /**
             * @description The app.
             * @example app_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            provider: components["schemas"]["PushProvider"];
            /** @example com.example.auth */
            appId: string;
            /** @example Larkfield Key */
            name: string;
            /**
             * Format: date-time
             * @description When it was added.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it was last changed.
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
        };
        /** @description What is new about the app. */
        AppChanges: {
            /**
             * @description What admins call the app. At most 64 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Larkfield Key
             */
            name?: string;
            credentials?: components["schemas"]["AppCredentials"];
        };
        /** @description What the provider gave for sending to the app. Sealed at rest, never shown again. */
        AppCredentials: {
            /** @constant */
            provider: "apns";
            apns: {
                /**
                 * @description The .p8 key as Apple gave it.
                 * @example -----BEGIN PRIVATE KEY-----
                 *     ...
                 *     -----END PRIVATE KEY-----
                 */
                pem: string;
                /** @example ABC123DEFG */
                keyId: string;
                /** @example DEF123GHIJ */
                teamId: string;
            };
        } | {
            /** @constant */
            provider: "fcm";
            /** @description The JSON of a Google service account; only the required members are stored. */
            fcm: {
                type?: string;
                client_id?: string;
                auth_uri?: string;
                token_uri?: string;
                auth_provider_x509_cert_url?: string;
                client_x509_cert_url?: string;
                universe_domain?: string;
                project_id: string;
                /** Format: email */
                client_email: string;
                /**
                 * @example -----BEGIN PRIVATE KEY-----
                 *     ...
                 *     -----END PRIVATE KEY-----
                 */
                private_key: string;
                private_key_id: string;
            };
        };
        /** @description The apps of the tenant, newest first. */
        Apps: {
            readonly items: components["schemas"]["App"][];
            nextCursor: null;
        };
        /** @description What the person is shown. The signed answer covers every letter of it. */
        AskedContext: {
            /**
             * @description What is signed in to. At most 64 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Payroll
             */
            application?: string;
            /**
             * @description What is to be approved. At most 140 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Sign in
             */
            action?: string;
            /**
             * @description Where the request came from.
             * @example 203.0.113.7
             */
            ip?: string;
            /**
             * @description A place to show. At most 140 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Zurich, Switzerland
             */
            location?: string;
            /**
             * @description The browser. At most 256 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Firefox on Windows
             */
            userAgent?: string;
            fields?: {
                /**
                 * @description A label. At most 64 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
                 * @example Amount
                 */
                label: string;
                /**
                 * @description A value. At most 256 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
                 * @example CHF 120.00
                 */
                value: string;
            }[];
            transaction?: components["schemas"]["Transaction"];
        };
        /** @description Who starts the sign-in, or types the code. A known initiator, from which the user signed in lately, keeps a budget of its own, which nobody else can use up; a reported one may start none. The browser id counts; without it, the network of the address; without both, all requests of the relying party are one, so that an outsider can use up the attempts of the user. */
        AskedInitiator: {
            /**
             * @description An id that the relying party keeps in the browser for long; never one that an outsider can choose or guess. One of 22 characters or more lets a reload supersede the pending question of the browser.
             * @example n4bQgYhMfWWaL-qgxVrQFa
             */
            browserId?: string;
            /** @description Where the request came from, as the relying party itself saw it: never from a header that an outsider can write. `context.ip` is only shown. */
            ip?: string;
        };
        /** @description Where the number comes from: generated by the service (`service`, the default), shown by the caller already (`caller`), or not at all (`none`, only where the policy allows it). */
        AskedNumber: {
            /** @constant */
            mode: "service";
            /** @description Never fewer than the tenant asks for. */
            digits?: number;
        } | {
            /** @constant */
            mode: "caller";
            value: string;
        } | {
            /** @constant */
            mode: "none";
        };
        /** @description A change that belongs to no single user. */
        AuditEvent: {
            /**
             * @description The event.
             * @example aud_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description What was changed.
             * @example api_key_created
             */
            type: string;
            /**
             * @description Who did it: `api_key:<id>`, `operator`, `service`.
             * @example service
             */
            actor: string;
            /**
             * @description Id of what was changed.
             * @example key_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            subject: string;
            /** @description By type; nothing secret. */
            details: {
                [key: string]: unknown;
            };
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            occurredAt: string;
        };
        /** @description Events, newest first. */
        AuditEventPage: {
            readonly items: components["schemas"]["AuditEvent"][];
            /** @description Give it as `cursor` to get the next page; null on the last one. */
            nextCursor: string | null;
        };
        /** @description How the pages of the tenant look. */
        Branding: {
            /** @example Example University */
            displayName: string;
            accent: {
                /** @example #0a5cc2 */
                light: string;
                /** @example #79b8ff */
                dark: string;
            };
            readonly help: string[];
            logo: {
                /**
                 * @description Below the public origin.
                 * @example /t/tnt_.../logo?v=9f86d0818...
                 */
                path: string;
                /** @enum {string} */
                type: "image/png" | "image/jpeg";
                width: number;
                height: number;
            } | null;
            /**
             * Format: date-time
             * @description When it was set last.
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
        };
        /** @description One question to one user, as its relying party reads it. */
        Challenge: {
            /**
             * @description The challenge.
             * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description Who is asked.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            userId: string;
            status: components["schemas"]["ChallengeStatus"];
            /**
             * @description Why it was denied or superseded.
             * @example null
             */
            reason: components["schemas"]["EndReason"] | null;
            context: components["schemas"]["ChallengeContext"];
            numberMode: components["schemas"]["NumberMode"];
            /**
             * @description How many digits are to be typed.
             * @example 6
             */
            numberDigits: number | null;
            userVerification: components["schemas"]["UserVerification"];
            binding: string | null;
            /**
             * @description Where the app offers to go after the answer.
             * @example null
             */
            returnUrl: string | null;
            deliveryMode: components["schemas"]["DeliveryMode"];
            /**
             * @description Why no phone is woken; null when one is. See docs/limits.md.
             * @example null
             */
            suppressed: components["schemas"]["SuppressionReason"] | null;
            /** @example 3 */
            wrongNumbersLeft: number;
            /** @example 3 */
            resendsLeft: number;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description No answer counts from this time on.
             * @example 2026-01-31T12:00:00.000Z
             */
            expiresAt: string;
            /** @example null */
            decidedAt: string | null;
            /** @example null */
            decidedDeviceId: string | null;
            /**
             * @description Once ended: `approval-result+jwt`, signed anew at each reading.
             * @example null
             */
            result: string | null;
            readonly devices: components["schemas"]["DeviceProgress"][];
        };
        /** @description The user approved. */
        ChallengeApprovedEvent: {
            /** @constant */
            type: "challenge.approved";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The challenge.
                 * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                challengeId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                /** @example approved */
                status: components["schemas"]["ChallengeStatus"];
                /**
                 * @description Why it was denied or superseded.
                 * @example null
                 */
                reason: components["schemas"]["EndReason"] | null;
                deliveryMode: components["schemas"]["DeliveryMode"];
                /** @description As the relying party gave it. */
                binding: string | null;
                /** @description As the relying party gave it. */
                idempotencyKey: string | null;
                /**
                 * Format: date-time
                 * @description When it was created.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                createdAt: string;
                /**
                 * Format: date-time
                 * @description No answer counts from this time on.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                expiresAt: string;
                /** @example 2026-01-31T12:00:00.000Z */
                decidedAt: string | null;
                /** @example dev_01jv9z3k8we2tvn4qh6yrx7b5c */
                decidedDeviceId: string | null;
                result: string | null;
            };
        };
        /** @description The relying party or the service cancelled it, or a new question of the browser took its place (`superseded`). */
        ChallengeCancelledEvent: {
            /** @constant */
            type: "challenge.cancelled";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The challenge.
                 * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                challengeId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                /** @example cancelled */
                status: components["schemas"]["ChallengeStatus"];
                /**
                 * @description Why it was denied or superseded.
                 * @example null
                 */
                reason: components["schemas"]["EndReason"] | null;
                deliveryMode: components["schemas"]["DeliveryMode"];
                /** @description As the relying party gave it. */
                binding: string | null;
                /** @description As the relying party gave it. */
                idempotencyKey: string | null;
                /**
                 * Format: date-time
                 * @description When it was created.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                createdAt: string;
                /**
                 * Format: date-time
                 * @description No answer counts from this time on.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                expiresAt: string;
                /** @example null */
                decidedAt: string | null;
                /** @example null */
                decidedDeviceId: string | null;
                result: string | null;
            };
        };
        /** @description What the person is shown. */
        ChallengeContext: {
            application?: string;
            action?: string;
            ip?: string;
            location?: string;
            userAgent?: string;
            readonly fields?: {
                label: string;
                value: string;
            }[];
            transaction?: {
                amount: string;
                currency: string;
                payee: string;
            };
        };
        /** @description A challenge was created. */
        ChallengeCreatedEvent: {
            /** @constant */
            type: "challenge.created";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The challenge.
                 * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                challengeId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                status: components["schemas"]["ChallengeStatus"];
                /**
                 * @description Why it was denied or superseded.
                 * @example null
                 */
                reason: components["schemas"]["EndReason"] | null;
                deliveryMode: components["schemas"]["DeliveryMode"];
                /** @description As the relying party gave it. */
                binding: string | null;
                /** @description As the relying party gave it. */
                idempotencyKey: string | null;
                /**
                 * Format: date-time
                 * @description When it was created.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                createdAt: string;
                /**
                 * Format: date-time
                 * @description No answer counts from this time on.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                expiresAt: string;
                /** @example null */
                decidedAt: string | null;
                /** @example null */
                decidedDeviceId: string | null;
            };
        };
        /** @description The push service accepted the push to a device. */
        ChallengeDeliveredEvent: {
            /** @constant */
            type: "challenge.delivered";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The challenge.
                 * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                challengeId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                status: components["schemas"]["ChallengeStatus"];
                /**
                 * @description Why it was denied or superseded.
                 * @example null
                 */
                reason: components["schemas"]["EndReason"] | null;
                deliveryMode: components["schemas"]["DeliveryMode"];
                /** @description As the relying party gave it. */
                binding: string | null;
                /** @description As the relying party gave it. */
                idempotencyKey: string | null;
                /**
                 * Format: date-time
                 * @description When it was created.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                createdAt: string;
                /**
                 * Format: date-time
                 * @description No answer counts from this time on.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                expiresAt: string;
                /** @example null */
                decidedAt: string | null;
                /** @example null */
                decidedDeviceId: string | null;
                /**
                 * @description The device.
                 * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                deviceId: string;
            };
        };
        /** @description The push to a device was given up; the device can still find the challenge by polling. */
        ChallengeDeliveryFailedEvent: {
            /** @constant */
            type: "challenge.delivery_failed";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The challenge.
                 * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                challengeId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                status: components["schemas"]["ChallengeStatus"];
                /**
                 * @description Why it was denied or superseded.
                 * @example null
                 */
                reason: components["schemas"]["EndReason"] | null;
                deliveryMode: components["schemas"]["DeliveryMode"];
                /** @description As the relying party gave it. */
                binding: string | null;
                /** @description As the relying party gave it. */
                idempotencyKey: string | null;
                /**
                 * Format: date-time
                 * @description When it was created.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                createdAt: string;
                /**
                 * Format: date-time
                 * @description No answer counts from this time on.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                expiresAt: string;
                /** @example null */
                decidedAt: string | null;
                /** @example null */
                decidedDeviceId: string | null;
                /**
                 * @description The device.
                 * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                deviceId: string;
                pushReason: string | null;
            };
        };
        /** @description The user denied, typed a wrong number too often, or has no device left. */
        ChallengeDeniedEvent: {
            /** @constant */
            type: "challenge.denied";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The challenge.
                 * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                challengeId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                /** @example denied */
                status: components["schemas"]["ChallengeStatus"];
                /**
                 * @description Why it was denied or superseded.
                 * @example user_denied
                 */
                reason: components["schemas"]["EndReason"] | null;
                deliveryMode: components["schemas"]["DeliveryMode"];
                /** @description As the relying party gave it. */
                binding: string | null;
                /** @description As the relying party gave it. */
                idempotencyKey: string | null;
                /**
                 * Format: date-time
                 * @description When it was created.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                createdAt: string;
                /**
                 * Format: date-time
                 * @description No answer counts from this time on.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                expiresAt: string;
                /** @example 2026-01-31T12:00:00.000Z */
                decidedAt: string | null;
                /** @example dev_01jv9z3k8we2tvn4qh6yrx7b5c */
                decidedDeviceId: string | null;
                result: string | null;
            };
        };
        /** @description Nobody answered in time. */
        ChallengeExpiredEvent: {
            /** @constant */
            type: "challenge.expired";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The challenge.
                 * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                challengeId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                /** @example expired */
                status: components["schemas"]["ChallengeStatus"];
                /**
                 * @description Why it was denied or superseded.
                 * @example null
                 */
                reason: components["schemas"]["EndReason"] | null;
                deliveryMode: components["schemas"]["DeliveryMode"];
                /** @description As the relying party gave it. */
                binding: string | null;
                /** @description As the relying party gave it. */
                idempotencyKey: string | null;
                /**
                 * Format: date-time
                 * @description When it was created.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                createdAt: string;
                /**
                 * Format: date-time
                 * @description No answer counts from this time on.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                expiresAt: string;
                /** @example null */
                decidedAt: string | null;
                /** @example null */
                decidedDeviceId: string | null;
                result: string | null;
            };
        };
        /** @description A device has fetched the challenge. */
        ChallengeFetchedEvent: {
            /** @constant */
            type: "challenge.fetched";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The challenge.
                 * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                challengeId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                status: components["schemas"]["ChallengeStatus"];
                /**
                 * @description Why it was denied or superseded.
                 * @example null
                 */
                reason: components["schemas"]["EndReason"] | null;
                deliveryMode: components["schemas"]["DeliveryMode"];
                /** @description As the relying party gave it. */
                binding: string | null;
                /** @description As the relying party gave it. */
                idempotencyKey: string | null;
                /**
                 * Format: date-time
                 * @description When it was created.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                createdAt: string;
                /**
                 * Format: date-time
                 * @description No answer counts from this time on.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                expiresAt: string;
                /** @example null */
                decidedAt: string | null;
                /** @example null */
                decidedDeviceId: string | null;
                /**
                 * @description The device.
                 * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                deviceId: string;
            };
        };
        /** @description Challenges, newest first. */
        ChallengePage: {
            readonly items: components["schemas"]["ListedChallenge"][];
            /** @description Give it as `cursor` to get the next page; null on the last one. */
            nextCursor: string | null;
        };
        /** @description The user denied and said: this wasn’t me. */
        ChallengeReportedEvent: {
            /** @constant */
            type: "challenge.reported";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The challenge.
                 * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                challengeId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                /** @example denied */
                status: components["schemas"]["ChallengeStatus"];
                /**
                 * @description Why it was denied or superseded.
                 * @example user_reported
                 */
                reason: components["schemas"]["EndReason"] | null;
                deliveryMode: components["schemas"]["DeliveryMode"];
                /** @description As the relying party gave it. */
                binding: string | null;
                /** @description As the relying party gave it. */
                idempotencyKey: string | null;
                /**
                 * Format: date-time
                 * @description When it was created.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                createdAt: string;
                /**
                 * Format: date-time
                 * @description No answer counts from this time on.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                expiresAt: string;
                /** @example 2026-01-31T12:00:00.000Z */
                decidedAt: string | null;
                /** @example dev_01jv9z3k8we2tvn4qh6yrx7b5c */
                decidedDeviceId: string | null;
                result: string | null;
            };
        };
        /**
         * @description Every status but `pending` is final.
         * @enum {string}
         */
        ChallengeStatus: "pending" | "approved" | "denied" | "expired" | "cancelled";
        /** @description What is to be different about the device. */
        ChangedDevice: {
            /**
             * @description What the user calls the device. At most 64 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Ada's phone
             */
            name?: string;
            /** @description A suspended device keeps its keys, is asked nothing, and may be made active again. */
            status?: components["schemas"]["SuspensionStatus"];
        };
        /** @description What is to change of a user. */
        ChangedUser: {
            /** @description What the user is from now on. */
            status?: components["schemas"]["SuspensionStatus"];
            language?: string | null;
        };
        /**
         * @description How a client of OpenID Connect proves who it is.
         * @enum {string}
         */
        ClientAuthentication: "private_key_jwt" | "client_secret_basic" | "client_secret_post";
        /** @description A public key: P-256, or RSA of 2,048 to 4,096 bits. */
        ClientJwk: {
            /** @constant */
            kty: "EC";
            /** @constant */
            crv: "P-256";
            x: string;
            y: string;
            /**
             * @description The name of the key. At most 255 characters, in NFC, without control, format or bidirectional characters. Spaces around it are dropped.
             * @example k1
             */
            kid: string;
            /** @constant */
            alg?: "ES256";
            /** @constant */
            use?: "sig";
        } | {
            /** @constant */
            kty: "RSA";
            n: string;
            /** @constant */
            e: "AQAB";
            /**
             * @description The name of the key. At most 255 characters, in NFC, without control, format or bidirectional characters. Spaces around it are dropped.
             * @example k1
             */
            kid: string;
            /** @enum {string} */
            alg?: "RS256" | "PS256";
            /** @constant */
            use?: "sig";
        };
        /** @description One step of a test, and what to do next. */
        ConnectionStep: {
            step: components["schemas"]["ConnectionStepName"];
            result: components["schemas"]["StepResult"];
            /** @description Null where it has passed. */
            reason: components["schemas"]["StepReason"] | null;
            /**
             * @description What the step proves, in English.
             * @example The clock is right
             */
            meaning: string;
            advice: string | null;
        };
        /**
         * @description What is tested of an integration.
         * @enum {string}
         */
        ConnectionStepName: "status" | "https" | "discovery" | "keys" | "authorize_endpoint" | "clock" | "entra_cloud" | "foreign_key" | "request" | "forged_request" | "redirect_uri" | "answer";
        /** @description How far a sign-in at the integration would come. Holds no token. */
        ConnectionTest: {
            /** @description No step has failed. */
            passed: boolean;
            /**
             * Format: date-time
             * @description When it ended.
             * @example 2026-01-31T12:00:00.000Z
             */
            testedAt: string;
            readonly steps: components["schemas"]["ConnectionStep"][];
        };
        /** @description A new key with its secret. */
        CreatedApiKey: {
            /**
             * @description The key: the public part of its text.
             * @example key_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The relying party of the key.
             * @example rp_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            relyingPartyId: string;
            /** @example production */
            name: string;
            readonly scopes: components["schemas"]["Scope"][];
            /**
             * @description The first key of the line of rotations that this one belongs to.
             * @example key_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            lineageId: string;
            /** @description From where it may be used; none means from everywhere. */
            readonly allowedAddresses: string[];
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            expiresAt: string | null;
            /** @example null */
            revokedAt: string | null;
            lastUsedAt: string | null;
            /**
             * @description The whole key, `cs_<id>_<secret>`: readable this once.
             * @example cs_01jv9z3k8we2tvn4qh6yrx7b5c_<43 characters>
             */
            secret: string;
        };
        /** @description A challenge with the number to show. */
        CreatedChallenge: {
            /**
             * @description The challenge.
             * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description Who is asked.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            userId: string;
            status: components["schemas"]["ChallengeStatus"];
            /**
             * @description Why it was denied or superseded.
             * @example null
             */
            reason: components["schemas"]["EndReason"] | null;
            context: components["schemas"]["ChallengeContext"];
            numberMode: components["schemas"]["NumberMode"];
            /**
             * @description How many digits are to be typed.
             * @example 6
             */
            numberDigits: number | null;
            userVerification: components["schemas"]["UserVerification"];
            binding: string | null;
            /**
             * @description Where the app offers to go after the answer.
             * @example null
             */
            returnUrl: string | null;
            deliveryMode: components["schemas"]["DeliveryMode"];
            /**
             * @description Why no phone is woken; null when one is. See docs/limits.md.
             * @example null
             */
            suppressed: components["schemas"]["SuppressionReason"] | null;
            /** @example 3 */
            wrongNumbersLeft: number;
            /** @example 3 */
            resendsLeft: number;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description No answer counts from this time on.
             * @example 2026-01-31T12:00:00.000Z
             */
            expiresAt: string;
            /** @example null */
            decidedAt: string | null;
            /** @example null */
            decidedDeviceId: string | null;
            /**
             * @description Once ended: `approval-result+jwt`, signed anew at each reading.
             * @example null
             */
            result: string | null;
            /**
             * @description Show it on the sign-in page; it is returned here and in an identical replay, nowhere else. Null when there is nothing to show.
             * @example 483920
             */
            number: string | null;
            /** @description What the user could sign in with instead. */
            readonly otherFactors: components["schemas"]["PasscodeMethod"][];
        };
        /**
         * @description `pull_only`: no phone is woken, so offer the user to open the app.
         * @enum {string}
         */
        DeliveryMode: "push" | "pull_only";
        /** @description An app installation with its own keys. It stays on record permanently. */
        Device: {
            /**
             * @description The device.
             * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The user of the device.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            userId: string;
            /** @example active */
            status: components["schemas"]["DeviceStatus"];
            /** @example Ada's phone */
            name: string;
            /** @example android */
            platform: components["schemas"]["Platform"];
            /** @example Pixel 9 */
            model: string;
            /** @example 16 */
            osVersion: string;
            /** @example com.example.auth */
            appId: string;
            /** @example 3.1.0 */
            appVersion: string;
            /**
             * @description The newest version of the device protocol that its app speaks.
             * @example 2
             */
            protocolVersion: number;
            /**
             * @description The language that was given for it; null for none.
             * @example nl-BE
             */
            language: string | null;
            /** @description The device whose companion (a watch) this is; it ends with it. */
            parentDeviceId: string | null;
            /** @example true */
            hasPushToken: boolean;
            /**
             * @description Whether it can have the person verified by biometrics or PIN.
             * @example true
             */
            hasVerificationKey: boolean;
            /** @description The verification key of a browser, as its authenticator described it at enrollment; nobody vouches for that. Null where there is none. */
            passkey: {
                /**
                 * @description Its platform may copy it to other devices (BE).
                 * @example true
                 */
                backupEligible: boolean;
                /**
                 * @description It has done so (BS).
                 * @example true
                 */
                backedUp: boolean;
            } | null;
            attestation: components["schemas"]["DeviceAttestation"];
            /**
             * Format: date-time
             * @description When it claimed its enrollment.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            activatedAt: string | null;
            lastSeenAt: string | null;
            /** @example null */
            unregisteredAt: string | null;
            /** @example null */
            unregisterReason: ("lost" | "stolen" | "replaced" | "user_request" | "admin" | "not_confirmed") | null;
            /** @example null */
            suspendedAt: string | null;
        };
        /** @description What the attestation at enrollment showed; it is never repeated, and ends when a key is replaced. */
        DeviceAttestation: {
            /**
             * @description Where the keys are, as far as the maker vouches for it; `app_attest` vouches for the app that made them.
             * @enum {string}
             */
            level: "none" | "software" | "tee" | "strongbox" | "app_attest";
            /** @enum {string} */
            verdict: "not_asked" | "missing" | "invalid" | "verified";
            /**
             * @description What made it invalid.
             * @example null
             */
            why: ("malformed" | "chain_invalid" | "certificate_expired" | "certificate_not_authority" | "certificate_revoked" | "revocations_unreadable" | "root_unknown" | "attestation_not_at_leaf" | "challenge_mismatch" | "key_mismatch" | "key_not_attested" | "app_not_listed" | "app_mismatch" | "level_software" | "key_not_generated" | "key_purpose" | "key_not_p256" | "user_not_authenticated" | "boot_not_verified" | "bootloader_unlocked" | "counter_used" | "environment_not_allowed") | null;
        };
        /** @description How far the challenge got with one device. */
        DeviceProgress: {
            /**
             * @description A device that was asked.
             * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            deviceId: string;
            /** @example null */
            fetchedAt: string | null;
            receivedAt: string | null;
            push: {
                /** @example sent */
                status: components["schemas"]["PushStatus"];
                reason: string | null;
                /** @example 1 */
                attempts: number;
                settledAt: string | null;
            } | null;
        };
        /** @description One push to a device. */
        DevicePush: {
            /**
             * @description The push.
             * @example dlv_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            kind: components["schemas"]["PushKind"];
            /** @example sent */
            status: components["schemas"]["PushStatus"];
            /** @example 1 */
            attempts: number;
            /**
             * Format: date-time
             * @description When it was queued.
             * @example 2026-01-31T12:00:00.000Z
             */
            queuedAt: string;
            sentAt: string | null;
            receivedAt: string | null;
            answeredAt: string | null;
            /**
             * @description Why it was not sent, or not yet; null when it was. See docs/limits.md, section Push doctor.
             * @example null
             */
            failure: ("provider_unavailable" | "provider_misconfigured" | "token_gone" | "push_rejected" | "challenge_ended" | "expired" | "device_not_active" | "no_push_token") | null;
            /**
             * @description Milliseconds from queueing to the receipt.
             * @example 840
             */
            delayMs: number | null;
            /** @description The same in the words of the push service, or ours. */
            reason: string | null;
        };
        /** @description The push service declared the token of a device dead: it finds challenges by polling only. */
        DevicePushTokenLostEvent: {
            /** @constant */
            type: "device.push_token_lost";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The device.
                 * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                deviceId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
            };
        };
        /** @description A user has a new device. */
        DeviceRegisteredEvent: {
            /** @constant */
            type: "device.registered";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The device.
                 * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                deviceId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
            };
        };
        /**
         * @description A suspended device may become active again; an unregistered one never.
         * @enum {string}
         */
        DeviceStatus: "unconfirmed" | "active" | "suspended" | "unregistered";
        /** @description A device is suspended until it is made active again. */
        DeviceSuspendedEvent: {
            /** @constant */
            type: "device.suspended";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The device.
                 * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                deviceId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
            };
        };
        /** @description A device is gone permanently; no answer of it counts. */
        DeviceUnregisteredEvent: {
            /** @constant */
            type: "device.unregistered";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The device.
                 * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                deviceId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                reason: string | null;
            };
        };
        /** @description Devices, newest first. */
        Devices: {
            readonly items: components["schemas"]["Device"][];
        };
        /** @description Diagnostics that a device sent. */
        Diagnostics: {
            /**
             * @description The incident.
             * @example inc_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The user of the device.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            userId: string;
            /**
             * @description The device that sent them.
             * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            deviceId: string;
            /** @example 3.2.0 */
            appVersion: string;
            /**
             * Format: date-time
             * @description When they came.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * @description As it was sent: escape it.
             * @example 12:00:01 fetch failed: timeout
             */
            text: string;
        };
        /** @description Diagnostics, newest first. */
        DiagnosticsPage: {
            readonly items: components["schemas"]["ListedDiagnostics"][];
            /** @description Give it as `cursor` to get the next page; null on the last one. */
            nextCursor: string | null;
        };
        /**
         * @description Which part of a name is its domain: none, `ada@EXAMPLE`, or `EXAMPLE\ada`.
         * @enum {string}
         */
        DomainPlace: "none" | "suffix" | "prefix";
        /**
         * @description Why a challenge was denied, or cancelled by a new question of the same browser.
         * @enum {string}
         */
        EndReason: "user_denied" | "user_reported" | "number_mismatch" | "no_device_left" | "superseded";
        /** @description A one-time ticket that lets one device join one user. */
        Enrollment: {
            /**
             * @description The enrollment.
             * @example enr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The user of the new device.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            userId: string;
            status: components["schemas"]["EnrollmentStatus"];
            /**
             * @description Why it is void.
             * @enum {string}
             */
            reason?: "number_tries_used_up" | "device_unregistered" | "device_suspended" | "user_suspended";
            /**
             * @description While claimed: show it on the page, for the person to type on the new device.
             * @example 483920
             */
            number?: string;
            wrongNumbersLeft: number;
            deviceId: string | null;
            /**
             * Format: date-time
             * @description When it was opened.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it expires.
             * @example 2026-01-31T12:00:00.000Z
             */
            expiresAt: string;
            claimedAt: string | null;
            endedAt: string | null;
        };
        /** @description A device has claimed the enrollment; it is not confirmed yet. */
        EnrollmentClaimedEvent: {
            /** @constant */
            type: "enrollment.claimed";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The enrollment.
                 * @example enr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                enrollmentId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                /**
                 * @description The device.
                 * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                deviceId: string;
                /** @enum {string} */
                status: "claimed" | "completed";
            };
        };
        /** @description The enrollment is completed. */
        EnrollmentConfirmedEvent: {
            /** @constant */
            type: "enrollment.confirmed";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The enrollment.
                 * @example enr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                enrollmentId: string;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                /**
                 * @description The device.
                 * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                deviceId: string;
                /** @enum {string} */
                status: "claimed" | "completed";
            };
        };
        /**
         * @description A device has claimed it: `claimed`; and is active: `completed`.
         * @enum {string}
         */
        EnrollmentStatus: "open" | "claimed" | "completed" | "cancelled" | "void" | "expired";
        /** @description A time in which a user may enroll alone. */
        EnrollmentWindow: {
            mayEnrollUntil: string | null;
        };
        /**
         * @description A cloud of Microsoft Entra.
         * @enum {string}
         */
        EntraCloud: "global" | "us_government" | "china";
        /** @description What anyone needs to verify the decision without us. */
        Evidence: {
            /**
             * @description `approval-request+jwt` that the device was shown.
             * @example eyJhbGciOiJFUzI1NiIs...
             */
            request: string;
            /**
             * @description `approval-response+jwt` that decided.
             * @example eyJhbGciOiJFUzI1NiIs...
             */
            answer: string;
            /**
             * @description The device that answered.
             * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            deviceId: string;
            /** @description The public key that signed the answer. */
            deviceKey: {
                /** @example EC */
                kty: string;
                /** @example P-256 */
                crv: string;
                /** @example MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4 */
                x: string;
                /** @example 4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM */
                y: string;
                /**
                 * @description Its thumbprint (RFC 7638).
                 * @example cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s
                 */
                kid: string;
            };
            /** @description Of an answer that a passkey confirmed: its assertion; else null. */
            passkey: {
                assertion: {
                    /** @example AAECAwQFBgcICQoLDA0ODw */
                    id: string;
                    /** @example SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAA */
                    authenticatorData: string;
                    /** @example eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0 */
                    clientDataJSON: string;
                    /** @example MEUCIQC7aBlSyHBhXLxRz8VBT6ZtGm */
                    signature: string;
                };
                /** @description The public key of the passkey. */
                key: {
                    /** @example EC */
                    kty: string;
                    /** @example P-256 */
                    crv: string;
                    /** @example MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4 */
                    x: string;
                    /** @example 4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM */
                    y: string;
                    /**
                     * @description Its thumbprint (RFC 7638).
                     * @example cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s
                     */
                    kid: string;
                };
            } | null;
        };
        /** @description A name of a user within a namespace. */
        GivenIdentifier: {
            /**
             * @description A namespace of identifiers: lower case, 1 to 64 characters.
             * @example entra
             */
            namespace: string;
            /**
             * @description The name of the user within its namespace. At most 255 characters, in NFC, without control, format or bidirectional characters. Spaces around it are dropped.
             * @example ada@example.com
             */
            value: string;
        };
        /** @description What it asks beyond the policy of its relying party: stricter only. */
        GivenIntegrationPolicy: {
            /**
             * @description Digits of a number that the service generates. Stricter: more.
             * @default 6
             */
            numberDigits?: number;
            /**
             * @description Wrong numbers that end a challenge as denied; one where there are fewer than six digits. Stricter: fewer.
             * @default 3
             */
            wrongNumbersMax?: number;
            /**
             * @description The least user verification that a challenge requires. From lax to strict: not_required, preferred, required.
             * @default not_required
             * @enum {string}
             */
            userVerification?: "not_required" | "preferred" | "required";
            /**
             * @description Who may use push sign-in; `listed` means users who are set to `on`. Others are not asked, and enroll no device. From lax to strict: everybody, listed, nobody.
             * @default everybody
             * @enum {string}
             */
            pushSignIn?: "everybody" | "listed" | "nobody";
            /**
             * @description Minimum versions of apps, such as `com.example.app@3.2.0`; an older app can only report its new version or unregister. The highest of several counts. Stricter: more.
             * @default []
             */
            appVersionsMin?: string[];
            /**
             * @description Platforms that are not accepted any more: `ios`, `android`, `web`, `other`. Stricter: more.
             * @default []
             */
            retiredPlatforms?: string[];
            /**
             * @description Minimum version of the device protocol; an app that speaks an older one can only report its new version or unregister. Stricter: more.
             * @default 1
             */
            protocolVersionMin?: number;
            /**
             * @description Whether companion devices (watches) are asked; never where a number must be typed. Stricter: false.
             * @default false
             */
            companionsMayAnswer?: boolean;
        };
        /** @description The settings of this kind of door. */
        GivenIntegrationSettings: {
            /** @constant */
            kind: "wait";
        } | {
            /** @constant */
            kind: "duo_auth_api";
            /**
             * @description Whether clients may sign with HMAC-SHA-1, as old ones do.
             * @default false
             */
            sha1Allowed?: boolean;
            /**
             * @description Whether clients may say that they let people in when nobody answers.
             * @default false
             */
            failOpenAllowed?: boolean;
            /**
             * @description Whether new users, and only those, are enrolled at this door; requires a policy without `enrollmentConfirmation`.
             * @default false
             */
            enrollmentAllowed?: boolean;
            /**
             * @description Whether clients may speak version 1 (`/rest/v1`), by HMAC-SHA-1 and without a date; requires `allowedAddresses`.
             * @default false
             */
            legacyV1Allowed?: boolean;
        } | {
            /** @constant */
            kind: "keycloak_ciba";
            /** @description The realms that may ask. */
            issuers: string[];
            /**
             * @description Clients of those realms that may ask; none means all.
             * @default []
             */
            clientIds?: string[];
            /**
             * @description Whether the address of the channel ends in a secret that is issued by us.
             * @default false
             */
            secretInPath?: boolean;
        } | {
            /** @constant */
            kind: "entra_external_mfa";
            /**
             * @description The cloud of the Entra tenant.
             * @default global
             */
            cloud?: components["schemas"]["EntraCloud"];
            /**
             * Format: uuid
             * @description The id of the Entra tenant.
             * @example 1b4e28ba-2fa1-4d20-883f-0016d3cca427
             */
            entraTenantId: string;
            /**
             * Format: uuid
             * @description The application in the Entra tenant that stands for us.
             * @example 1b4e28ba-2fa1-4d20-883f-0016d3cca427
             */
            applicationId: string;
            /**
             * @description Whether the person is asked at once; otherwise after a click on the page.
             * @default true
             */
            asksAtOnce?: boolean;
            /**
             * @description Whether recovery and temporary codes count as `otp`; otherwise as a refusal.
             * @default false
             */
            codesAsOtp?: boolean;
            /**
             * @description Whether a user who never had a second factor may enroll a first device on the page, in an open enrollment window or by a temporary code; only where the client itself says who is asked.
             * @default false
             */
            enrollmentAllowed?: boolean;
        } | {
            /** @constant */
            kind: "oidc_code";
            /** @description Addresses to which an answer may go, exactly. */
            redirectUris: string[];
            /**
             * @description How the client proves who it is at the token endpoint.
             * @default private_key_jwt
             */
            clientAuthentication?: components["schemas"]["ClientAuthentication"];
            /**
             * @description Public keys that sign its assertions and request objects.
             * @default []
             */
            jwks?: components["schemas"]["ClientJwk"][];
            /**
             * @description Whether a request that nobody signed may say who is asked. Weaker: the browser may have changed it.
             * @default false
             */
            bareLoginHintAllowed?: boolean;
            /**
             * @description What signs its ID tokens. Every client takes RS256; ES256 is shorter.
             * @default RS256
             */
            idTokenAlgorithm?: components["schemas"]["OidcAlgorithm"];
            /**
             * @description Whether the person is asked at once; otherwise after a click on the page.
             * @default true
             */
            asksAtOnce?: boolean;
            /**
             * @description Whether recovery and temporary codes count as `otp`; otherwise as a refusal.
             * @default false
             */
            codesAsOtp?: boolean;
            /**
             * @description Whether a user who never had a second factor may enroll a first device on the page, in an open enrollment window or by a temporary code; only where the client itself says who is asked.
             * @default false
             */
            enrollmentAllowed?: boolean;
        };
        /** @description A code that a user typed. */
        GivenPasscode: {
            /**
             * @description As it was typed: a passcode, a recovery code or a temporary code.
             * @example 492039
             */
            code: string;
            /**
             * @description A hash of the session of the relying party, in base64url; echoed in the result.
             * @example n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg
             */
            binding?: string;
            initiator?: components["schemas"]["AskedInitiator"];
        };
        /** @description What is to hold for the user. */
        GivenPushSignIn: {
            /**
             * @description `default`: what the policy says (`pushSignIn`, `pushSignInPercent`).
             * @enum {string}
             */
            setting: "on" | "off" | "default";
        };
        /** @description How the names that the client sends become identifiers. A name that does not fit is unknown, never adjusted. */
        GivenUserNameMapping: {
            /** @default none */
            domain?: components["schemas"]["DomainPlace"];
            /**
             * @description Domains that are accepted; names of other domains are unknown. Several of them with a `template` without `{domain}` make one user of people of one name in all of them: only where the domains share their names.
             * @default []
             */
            domains?: string[];
            /**
             * @description Makes ASCII letters lower case.
             * @default false
             */
            lowerCase?: boolean;
            /**
             * @description The identifier, with `{username}` once and `{domain}`. At most 128 characters, in NFC, without control, format or bidirectional characters. Spaces around it are dropped.
             * @default {username}
             * @example {username}
             */
            template?: string;
        };
        /** @description A user with all the names that relying parties know them by. */
        ImportedUser: {
            /**
             * @description Shown on the device that is being enrolled. At most 140 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Ada Lovelace
             */
            displayName: string;
            identifiers: (string | components["schemas"]["GivenIdentifier"])[];
            /**
             * @description The language that the person reads: a well-formed tag of BCP 47 (RFC 5646). One that the service has no texts in falls back, `nl-BE` to `nl`.
             * @example nl-BE
             */
            language?: string;
        };
        /** @description A door for an existing client. Its secret is never shown again. */
        Integration: {
            /**
             * @description The integration.
             * @example int_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The relying party of its challenges.
             * @example rp_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            relyingPartyId: string;
            /** @example VPN */
            name: string;
            settings: components["schemas"]["IntegrationSettings"];
            setup: components["schemas"]["IntegrationSetup"];
            /** @enum {string} */
            numberMode: "caller" | "none";
            /** @example entra */
            namespace: string;
            userNames: components["schemas"]["UserNameMapping"];
            readonly allowedAddresses: string[];
            /** @description What it asks beyond the policy of its relying party. */
            policy: {
                [key: string]: unknown;
            };
            ttlSeconds: number | null;
            status: components["schemas"]["IntegrationStatus"];
            /**
             * @description The public half of the credentials of Auth API clients; null for other kinds.
             * @example DIABCDEFGHJKLMNPQRST
             */
            integrationKey: string | null;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it was last changed.
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
            /** @description How often a client was authenticated. */
            uses: number;
            lastUsedAt: string | null;
            /** @description The last refusal at this door, a second late at the most. */
            lastError: {
                /** @example user_not_found */
                code: string;
                /**
                 * Format: date-time
                 * @description When it happened.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                at: string;
            } | null;
        };
        /** @description What is new about the integration; each member is replaced whole. */
        IntegrationChanges: {
            /**
             * @description Shown on devices as the application that is signed in to. At most 64 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example VPN
             */
            name?: string;
            settings?: components["schemas"]["GivenIntegrationSettings"];
            /**
             * @description `caller`: the person types digits that the client shows. `none` requires the id of the integration in `numberNoneAllowedFor` of the tenant policy first, and ends when it is removed there.
             * @enum {string}
             */
            numberMode?: "caller" | "none";
            /**
             * @description The namespace of the users; one of its relying party, whose first is the default.
             * @example entra
             */
            namespace?: string;
            userNames?: components["schemas"]["GivenUserNameMapping"];
            /**
             * @description From where it may be called; none means from everywhere.
             * @example [
             *       "192.0.2.0/24"
             *     ]
             */
            allowedAddresses?: (string)[];
            policy?: components["schemas"]["GivenIntegrationPolicy"];
            /** @description Lifetime of its challenges; null for that of the policy. */
            ttlSeconds?: number | null;
            /** @description A paused one lets nobody in, in every process within a second. */
            status?: components["schemas"]["IntegrationStatus"];
        };
        /** @description How a secret is rotated. */
        IntegrationRotation: {
            /**
             * @description How long the old secret lives on at the most; 0 ends it immediately.
             * @default 86400
             */
            overlapSeconds?: number;
        };
        /** @description The settings of this kind of door. */
        IntegrationSettings: {
            /** @constant */
            kind: "wait";
        } | {
            /** @constant */
            kind: "duo_auth_api";
            sha1Allowed: boolean;
            failOpenAllowed: boolean;
            /** @default false */
            enrollmentAllowed: boolean;
            /** @default false */
            legacyV1Allowed: boolean;
        } | {
            /** @constant */
            kind: "keycloak_ciba";
            readonly issuers: string[];
            readonly clientIds: string[];
            secretInPath: boolean;
        } | {
            /** @constant */
            kind: "entra_external_mfa";
            cloud: components["schemas"]["EntraCloud"];
            /** @example 1b4e28ba-2fa1-4d20-883f-0016d3cca427 */
            entraTenantId: string;
            /** @example 1b4e28ba-2fa1-4d20-883f-0016d3cca427 */
            applicationId: string;
            asksAtOnce: boolean;
            codesAsOtp: boolean;
            /** @default false */
            enrollmentAllowed: boolean;
        } | {
            /** @constant */
            kind: "oidc_code";
            readonly redirectUris: string[];
            clientAuthentication: components["schemas"]["ClientAuthentication"];
            readonly jwks: {
                [key: string]: string;
            }[];
            bareLoginHintAllowed: boolean;
            idTokenAlgorithm: components["schemas"]["OidcAlgorithm"];
            asksAtOnce: boolean;
            codesAsOtp: boolean;
            /** @default false */
            enrollmentAllowed: boolean;
        };
        /** @description What is to be entered at the other end; null for kinds that send nobody to a page. */
        IntegrationSetup: ({
            /** @constant */
            kind: "entra_external_mfa";
            /**
             * @description The id of the integration, as a client of ours.
             * @example int_01jd3v8x4n9qwe5t7m2k6r0abc
             */
            clientId: string;
            /** @example https://push.example.com/t/tnt_1/oidc */
            issuer: string;
            /** @example https://push.example.com/t/tnt_1/oidc/.well-known/openid-configuration */
            discoveryEndpoint: string;
            /** @description What is done at the other end, in this order. */
            readonly steps: string[];
            /**
             * @description Of the external method.
             * @example Microsoft sign-in
             */
            name: string;
            /** @example 7c9e6679-7425-40de-944b-e07fc1f90ae7 */
            applicationId: string;
            /**
             * @description To be registered as a redirect URI (web) of that application.
             * @example https://push.example.com/t/tnt_1/oidc/authorize
             */
            replyUrl: string;
            /**
             * @description Where the answer goes: that of the cloud in the settings.
             * @example https://login.microsoftonline.com/common/federation/externalauthprovider
             */
            redirectUri: string;
            /** @description Those of all clouds. */
            redirectUris: {
                /** @example https://login.microsoftonline.com/common/federation/externalauthprovider */
                global: string;
                /** @example https://login.microsoftonline.us/common/federation/externalauthprovider */
                us_government: string;
                /** @example https://login.partner.microsoftonline.cn/common/federation/externalauthprovider */
                china: string;
            };
            /** @description Delegated permissions of Microsoft Graph, with admin consent. */
            readonly graphPermissions: string[];
        } | {
            /** @constant */
            kind: "oidc_code";
            /**
             * @description The id of the integration, as a client of ours.
             * @example int_01jd3v8x4n9qwe5t7m2k6r0abc
             */
            clientId: string;
            /** @example https://push.example.com/t/tnt_1/oidc */
            issuer: string;
            /** @example https://push.example.com/t/tnt_1/oidc/.well-known/openid-configuration */
            discoveryEndpoint: string;
            /** @description What is done at the other end, in this order. */
            readonly steps: string[];
            /** @constant */
            scope: "openid";
            readonly redirectUris: string[];
            clientAuthentication: components["schemas"]["ClientAuthentication"];
            /**
             * @description The parameter of a request that says who is asked.
             * @constant
             */
            personParameter: "login_hint";
            /**
             * @description The namespace of the names in it.
             * @example mail
             */
            namespace: string;
            /**
             * @description How a request must be bound, so that a browser changes nothing of it.
             * @enum {string}
             */
            requestBinding: "pushed_or_signed" | "none_required";
        }) | null;
        /**
         * @description A paused one lets nobody in.
         * @enum {string}
         */
        IntegrationStatus: "active" | "paused";
        /** @description An integration, with a secret if one is new. */
        IntegrationWithSecret: {
            /**
             * @description The integration.
             * @example int_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The relying party of its challenges.
             * @example rp_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            relyingPartyId: string;
            /** @example VPN */
            name: string;
            settings: components["schemas"]["IntegrationSettings"];
            setup: components["schemas"]["IntegrationSetup"];
            /** @enum {string} */
            numberMode: "caller" | "none";
            /** @example entra */
            namespace: string;
            userNames: components["schemas"]["UserNameMapping"];
            readonly allowedAddresses: string[];
            /** @description What it asks beyond the policy of its relying party. */
            policy: {
                [key: string]: unknown;
            };
            ttlSeconds: number | null;
            status: components["schemas"]["IntegrationStatus"];
            /**
             * @description The public half of the credentials of Auth API clients; null for other kinds.
             * @example DIABCDEFGHJKLMNPQRST
             */
            integrationKey: string | null;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it was last changed.
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
            /** @description How often a client was authenticated. */
            uses: number;
            lastUsedAt: string | null;
            /** @description The last refusal at this door, a second late at the most. */
            lastError: {
                /** @example user_not_found */
                code: string;
                /**
                 * Format: date-time
                 * @description When it happened.
                 * @example 2026-01-31T12:00:00.000Z
                 */
                at: string;
            } | null;
            /** @description The secret for the client: readable this once. Null where this call created none. */
            secret: string | null;
        };
        /** @description Newest first. */
        Integrations: {
            readonly items: components["schemas"]["Integration"][];
            nextCursor: null;
        };
        /** @description A challenge without devices and result. */
        ListedChallenge: {
            /**
             * @description The challenge.
             * @example chl_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description Who is asked.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            userId: string;
            status: components["schemas"]["ChallengeStatus"];
            /**
             * @description Why it was denied or superseded.
             * @example null
             */
            reason: components["schemas"]["EndReason"] | null;
            context: components["schemas"]["ChallengeContext"];
            numberMode: components["schemas"]["NumberMode"];
            /**
             * @description How many digits are to be typed.
             * @example 6
             */
            numberDigits: number | null;
            userVerification: components["schemas"]["UserVerification"];
            binding: string | null;
            /**
             * @description Where the app offers to go after the answer.
             * @example null
             */
            returnUrl: string | null;
            deliveryMode: components["schemas"]["DeliveryMode"];
            /**
             * @description Why no phone is woken; null when one is. See docs/limits.md.
             * @example null
             */
            suppressed: components["schemas"]["SuppressionReason"] | null;
            /** @example 3 */
            wrongNumbersLeft: number;
            /** @example 3 */
            resendsLeft: number;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description No answer counts from this time on.
             * @example 2026-01-31T12:00:00.000Z
             */
            expiresAt: string;
            /** @example null */
            decidedAt: string | null;
            /** @example null */
            decidedDeviceId: string | null;
        };
        /** @description Diagnostics that a device sent, without the text. */
        ListedDiagnostics: {
            /**
             * @description The incident.
             * @example inc_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The user of the device.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            userId: string;
            /**
             * @description The device that sent them.
             * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            deviceId: string;
            /** @example 3.2.0 */
            appVersion: string;
            /**
             * Format: date-time
             * @description When they came.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
        };
        /** @description A key for a relying party. */
        NewApiKey: {
            /**
             * @description The relying party of the key.
             * @example rp_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            relyingPartyId: string;
            /**
             * @description To tell keys apart. At most 64 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example production
             */
            name: string;
            /**
             * @description What the key may do; `admin` includes all others.
             * @default [
             *       "challenges:write",
             *       "users:read"
             *     ]
             */
            scopes?: components["schemas"]["Scope"][];
            expiresAt?: (string & (unknown & unknown)) | null;
            /**
             * @description IP addresses and CIDR ranges from which the key may be used; none means from everywhere.
             * @default []
             * @example [
             *       "192.0.2.0/24"
             *     ]
             */
            allowedAddresses?: (string)[];
        };
        /** @description A mobile app with its push credentials. */
        NewApp: {
            /**
             * @description Bundle id or package name of the app.
             * @example com.example.auth
             */
            appId: string;
            /**
             * @description What admins call the app. At most 64 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Larkfield Key
             */
            name: string;
            credentials: components["schemas"]["AppCredentials"];
        };
        /** @description How the pages of the tenant are to look. */
        NewBranding: {
            /**
             * @description What people call the organization. At most 60 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Example University
             */
            displayName: string;
            accent: components["schemas"]["Accent"];
            /**
             * @description Below each page.
             * @default []
             */
            readonly help?: string[];
            /**
             * @description A PNG or JPEG in Base64: at most 32000 bytes, and 1024 pixels wide and high. Null, or left out: none.
             * @default null
             * @example null
             */
            logo?: string | null;
        };
        /** @description One question to one user. */
        NewChallenge: {
            user: components["schemas"]["UserReference"];
            /** @default {} */
            context?: components["schemas"]["AskedContext"];
            /**
             * @default {
             *       "mode": "service"
             *     }
             */
            number?: components["schemas"]["AskedNumber"];
            /**
             * @description `preferred`: a device that has a verification key must use it.
             * @default preferred
             */
            userVerification?: components["schemas"]["UserVerification"];
            ttlSeconds?: number;
            initiator?: components["schemas"]["AskedInitiator"];
            /**
             * @description A hash of the session of the relying party, in base64url; echoed in the result.
             * @example n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg
             */
            binding?: string;
            /**
             * @description Where the app offers to go after the answer: an https address, written as a browser shows it, in one of the `returnOrigins` of the relying party. Devices that speak version 2 get it in the signed request. That it is opened proves nothing.
             * @example https://bank.example.com/signed-in
             */
            returnUrl?: string;
            /** @description Ask only these devices. */
            deviceIds?: string[];
        };
        /** @description The user whose device is to be enrolled. */
        NewEnrollment: {
            user: components["schemas"]["UserReference"];
            /**
             * @description Creates the user under this name when the identifier is new; without it an unknown user is refused.
             * @example Ada Lovelace
             */
            displayName?: string;
            /**
             * @description A device of the user that is unregistered when the new one becomes active.
             * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            replacesDeviceId?: string;
            /**
             * @description The device of the user whose companion (a watch) the new one becomes; it ends with it.
             * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            parentDeviceId?: string;
        };
        /** @description How the device is to be enrolled; `{}` is enough. */
        NewEnrollmentOfUser: {
            /**
             * @description A device of the user that is unregistered when the new one becomes active.
             * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            replacesDeviceId?: string;
            /**
             * @description The device of the user whose companion (a watch) the new one becomes; it ends with it.
             * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            parentDeviceId?: string;
        };
        /** @description A window that is to be open from now on. */
        NewEnrollmentWindow: {
            /**
             * @description How long, from now on.
             * @example 60
             */
            minutes: number;
        };
        /** @description A door for an existing client. */
        NewIntegration: {
            /**
             * @description The relying party of its challenges.
             * @example rp_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            relyingPartyId: string;
            /**
             * @description Shown on devices as the application that is signed in to. At most 64 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example VPN
             */
            name: string;
            settings: components["schemas"]["GivenIntegrationSettings"];
            /**
             * @description `caller`: the person types digits that the client shows. `none` requires the id of the integration in `numberNoneAllowedFor` of the tenant policy first, and ends when it is removed there.
             * @enum {string}
             */
            numberMode?: "caller" | "none";
            /**
             * @description The namespace of the users; one of its relying party, whose first is the default.
             * @example entra
             */
            namespace?: string;
            userNames?: components["schemas"]["GivenUserNameMapping"];
            /**
             * @description From where it may be called; none means from everywhere.
             * @example [
             *       "192.0.2.0/24"
             *     ]
             */
            allowedAddresses?: (string)[];
            policy?: components["schemas"]["GivenIntegrationPolicy"];
            /** @description Lifetime of its challenges; null for that of the policy. */
            ttlSeconds?: number | null;
            /** @description A paused one lets nobody in, in every process within a second. */
            status?: components["schemas"]["IntegrationStatus"];
        };
        /** @description No member is needed; `{}` is enough. */
        NewRecoveryCodes: Record<string, never>;
        /** @description An identity provider or application that will ask. */
        NewRelyingParty: {
            /**
             * @description Shown on every device that is asked. At most 64 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Example Bank
             */
            name: string;
            /** @description The namespaces it may use; the first is its default. */
            namespaces: string[];
            /**
             * @description Origins to which its challenges may lead back (`returnUrl`): https, the host in lower case, and its port if it is not 443.
             * @default []
             * @example [
             *       "https://bank.example.com"
             *     ]
             */
            returnOrigins?: string[];
        };
        /** @description How long it is to be valid; `{}` is enough. */
        NewTemporaryCode: {
            /**
             * @description How long it is valid.
             * @default 3600
             */
            ttlSeconds?: number;
        };
        /** @description Where to send which events. */
        NewWebhookEndpoint: {
            /**
             * @description An https address of a public host, without credentials or fragment; port 443 or from 1024 on.
             * @example https://idp.example.com/countersign/events
             */
            url: string;
            /**
             * @description What admins call it. At most 256 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Payroll
             */
            description?: string;
            /**
             * @description Types of events, or `*` alone for all, those that come later included.
             * @example [
             *       "challenge.approved",
             *       "challenge.denied"
             *     ]
             */
            events: [
                "*"
            ] | ("challenge.created" | "challenge.delivered" | "challenge.delivery_failed" | "challenge.fetched" | "challenge.approved" | "challenge.denied" | "challenge.reported" | "challenge.expired" | "challenge.cancelled" | "enrollment.claimed" | "enrollment.confirmed" | "device.registered" | "device.unregistered" | "device.suspended" | "device.push_token_lost" | "user.fraud_reported" | "user.push_locked" | "user.unlocked" | "activity.recorded")[];
        };
        /**
         * @description Where the number comes from: the service, the caller, or there is none.
         * @enum {string}
         */
        NumberMode: "service" | "caller" | "none";
        /**
         * @description An algorithm that signs ID tokens.
         * @enum {string}
         */
        OidcAlgorithm: "RS256" | "ES256";
        /** @description A new enrollment with its codes, which are readable this once. */
        OpenedEnrollment: {
            /**
             * @description The enrollment.
             * @example enr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The user of the new device.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            userId: string;
            status: components["schemas"]["EnrollmentStatus"];
            /**
             * @description To be typed together with the user name.
             * @example 7K3QM-9TX2R
             */
            code: string;
            /**
             * @description What the QR code holds, for the scanner of the app.
             * @example https://countersign.example/t/tnt_01jv9z3k8we2tvn4qh6yrx7b5c/enroll#<43 characters>
             */
            uri: string;
            /**
             * @description The QR code as an SVG picture.
             * @example <svg …>
             */
            qrSvg: string;
            /**
             * Format: date-time
             * @description When the code expires.
             * @example 2026-01-31T12:00:00.000Z
             */
            expiresAt: string;
            /** @description Whether the number must be typed on the new device. */
            confirmationRequired: boolean;
        };
        /** @description What a user has in addition to the push. */
        OtherFactors: {
            /** @description What the user can be asked for, the best first. */
            readonly otherFactors: components["schemas"]["PasscodeMethod"][];
            /** @description Active devices that show passcodes. */
            passcodeDevices: number;
            /** @example 10 */
            recoveryCodesLeft: number;
            temporaryCodeExpiresAt: string | null;
        };
        /**
         * @description How a user signs in without a push.
         * @enum {string}
         */
        PasscodeMethod: "passcode" | "recovery_code" | "temporary_code";
        /** @description Everything that is stored about a user. */
        PersonalData: {
            /** @description Rows by table, as they are stored, without secrets and seals. */
            tables: {
                [key: string]: {
                    [key: string]: unknown;
                }[];
            };
        };
        /**
         * @description What kind of system the app runs on.
         * @enum {string}
         */
        Platform: "ios" | "android" | "web" | "other";
        /** @description The policy in force, every field. */
        Policy: {
            /**
             * @description Which standard the policy follows: `nist-800-63b-4` refuses fewer than six digits and challenges without a number.
             * @example nist-800-63b-4
             * @enum {string}
             */
            profile: "compat" | "nist-800-63b-4";
            /**
             * @description Digits of a number that the service generates.
             * @example 6
             */
            numberDigits: number;
            /**
             * @description Relying parties and integrations whose challenges may have no number; every use is recorded.
             * @example []
             */
            numberNoneAllowedFor: string[];
            /**
             * @description Wrong numbers that end a challenge as denied; one where there are fewer than six digits.
             * @example 3
             */
            wrongNumbersMax: number;
            /**
             * @description Wrong numbers in a row, over all challenges of a user, that lock push sign-in for a time.
             * @example 10
             */
            wrongNumbersInRowMax: number;
            /**
             * @description How long push sign-in is locked after wrong numbers in a row.
             * @example 3600
             */
            wrongNumberLockSeconds: number;
            /**
             * @description Wrong numbers since the last success that lock push sign-in until an admin or another factor unlocks it.
             * @example 100
             */
            wrongNumbersHardMax: number;
            /**
             * @description Lifetime of a challenge that does not request another.
             * @example 120
             */
            challengeTtlSeconds: number;
            /**
             * @description The least user verification that a challenge requires.
             * @example not_required
             * @enum {string}
             */
            userVerification: "not_required" | "preferred" | "required";
            /**
             * @description Who may use push sign-in; `listed` means users who are set to `on`. Others are not asked, and enroll no device.
             * @example everybody
             * @enum {string}
             */
            pushSignIn: "everybody" | "listed" | "nobody";
            /**
             * @description How many percent of the users may enroll a device, for a roll-out in steps. Users who have one, or are set to `on`, are not affected.
             * @example 100
             */
            pushSignInPercent: number;
            /**
             * @description How users enter the portal: by a link of a relying party alone, or also by an approval on a device of their own, after which they may look, and suspend or end devices.
             * @example link
             * @enum {string}
             */
            portalSignIn: "link_or_device" | "link";
            /**
             * @description Pushes of one challenge beyond the first.
             * @example 3
             */
            resendsMax: number;
            /**
             * @description Time between two pushes of one challenge.
             * @example 10
             */
            resendGapSeconds: number;
            /**
             * @description Pushes to a user within five minutes, from one known initiator or from all others together.
             * @example 5
             */
            pushesPerFiveMinutesMax: number;
            /**
             * @description The same within an hour.
             * @example 10
             */
            pushesPerHourMax: number;
            /**
             * @description Pushes that may stay unanswered or be denied since the last success; beyond it no more are sent until one succeeds.
             * @example 3
             */
            unansweredMax: number;
            /**
             * @description Time without a push after one that is unanswered.
             * @example 10
             */
            unansweredGapSeconds: number;
            /**
             * @description Time without a push after a denial.
             * @example 60
             */
            denialGapSeconds: number;
            /**
             * @description Challenges of a user that may be pending at the same time, from one known initiator or from all others together.
             * @example 3
             */
            pendingMax: number;
            /**
             * @description How long an initiator that the user approved keeps a budget of its own.
             * @example 30
             */
            initiatorMemoryDays: number;
            /**
             * @description How long a reported initiator is refused for that user.
             * @example 86400
             */
            initiatorBlockSeconds: number;
            /**
             * @description How long a report locks push sign-in for the user.
             * @example 3600
             */
            reportLockSeconds: number;
            /**
             * @description Pushes about activities to a user within an hour; the last one is reserved for critical ones.
             * @example 3
             */
            activityPushesPerHourMax: number;
            /**
             * @description Minimum versions of apps, such as `com.example.app@3.2.0`; an older app can only report its new version or unregister. The highest of several counts.
             * @example []
             */
            appVersionsMin: string[];
            /**
             * @description Platforms that are not accepted any more: `ios`, `android`, `web`, `other`.
             * @example []
             */
            retiredPlatforms: string[];
            /**
             * @description Whether browsers may be devices; their keys are software, and nobody vouches for them.
             * @example allowed
             * @enum {string}
             */
            browserDevices: "allowed" | "refused";
            /**
             * @description Whether a passkey that its platform may copy to other devices counts as a verification key.
             * @example allowed
             * @enum {string}
             */
            syncedPasskeys: "allowed" | "refused";
            /**
             * @description Minimum version of the device protocol; an app that speaks an older one can only report its new version or unregister.
             * @example 1
             */
            protocolVersionMin: number;
            /**
             * @description Whether companion devices (watches) are asked; never where a number must be typed.
             * @example false
             */
            companionsMayAnswer: boolean;
            /**
             * @description Devices that a user may have.
             * @example 10
             */
            devicesPerUserMax: number;
            /**
             * @description Lifetime of an enrollment.
             * @example 600
             */
            enrollmentTtlSeconds: number;
            /**
             * @description Wrong typed codes that end the typed code of an enrollment.
             * @example 5
             */
            enrollmentCodeTriesMax: number;
            /**
             * @description Whether a new device must type the number from the sign-in page before it becomes active.
             * @example true
             */
            enrollmentConfirmation: boolean;
            /**
             * @description Days that an ended challenge is kept, with its answers: the evidence of a sign-in.
             * @example 90
             */
            challengeRetentionDays: number;
            /**
             * @description Days that an activity is kept; the audit record says that it was purged.
             * @example 400
             */
            activityRetentionDays: number;
            /**
             * @description Days that an ended enrollment is kept; that of a live device is kept as long as the device.
             * @example 90
             */
            enrollmentRetentionDays: number;
            /**
             * @description Days that a resolved report is kept; an open one is kept.
             * @example 400
             */
            reportRetentionDays: number;
            /**
             * @description Days that the diagnostics of a device are kept.
             * @example 14
             */
            diagnosticsRetentionDays: number;
            /**
             * @description The language of people who have given none, a tag of BCP 47: for pushes where the app has no text of its own.
             * @example en
             */
            language: string;
            /**
             * @description Whether new devices get a secret for passcodes, and passcodes are accepted. Recovery codes and temporary codes are not passcodes.
             * @example true
             */
            passcodesAllowed: boolean;
            /**
             * @description Digits of the passcodes of devices that are enrolled from now on.
             * @example 6
             */
            passcodeDigits: number;
            /**
             * @description Whether a new device's keys must be attested by the maker of the phone: `log` records the verdict, `require` refuses a device without a verified attestation.
             * @example off
             * @enum {string}
             */
            attestation: "off" | "log" | "require";
        };
        /** @description Fields of the policy to set. */
        PolicyOverrides: {
            /**
             * @description Which standard the policy follows: `nist-800-63b-4` refuses fewer than six digits and challenges without a number. From lax to strict: compat, nist-800-63b-4.
             * @default nist-800-63b-4
             * @enum {string}
             */
            profile?: "compat" | "nist-800-63b-4";
            /**
             * @description Digits of a number that the service generates. Stricter: more.
             * @default 6
             */
            numberDigits?: number;
            /**
             * @description Relying parties and integrations whose challenges may have no number; every use is recorded. Stricter: fewer.
             * @default []
             */
            numberNoneAllowedFor?: string[];
            /**
             * @description Wrong numbers that end a challenge as denied; one where there are fewer than six digits. Stricter: fewer.
             * @default 3
             */
            wrongNumbersMax?: number;
            /**
             * @description Wrong numbers in a row, over all challenges of a user, that lock push sign-in for a time. Stricter: fewer.
             * @default 10
             */
            wrongNumbersInRowMax?: number;
            /**
             * @description How long push sign-in is locked after wrong numbers in a row. Stricter: more.
             * @default 3600
             */
            wrongNumberLockSeconds?: number;
            /**
             * @description Wrong numbers since the last success that lock push sign-in until an admin or another factor unlocks it. Stricter: fewer.
             * @default 100
             */
            wrongNumbersHardMax?: number;
            /**
             * @description Lifetime of a challenge that does not request another. Stricter: fewer.
             * @default 120
             */
            challengeTtlSeconds?: number;
            /**
             * @description The least user verification that a challenge requires. From lax to strict: not_required, preferred, required.
             * @default not_required
             * @enum {string}
             */
            userVerification?: "not_required" | "preferred" | "required";
            /**
             * @description Who may use push sign-in; `listed` means users who are set to `on`. Others are not asked, and enroll no device. From lax to strict: everybody, listed, nobody.
             * @default everybody
             * @enum {string}
             */
            pushSignIn?: "everybody" | "listed" | "nobody";
            /**
             * @description How many percent of the users may enroll a device, for a roll-out in steps. Users who have one, or are set to `on`, are not affected. Stricter: fewer.
             * @default 100
             */
            pushSignInPercent?: number;
            /**
             * @description How users enter the portal: by a link of a relying party alone, or also by an approval on a device of their own, after which they may look, and suspend or end devices. From lax to strict: link_or_device, link.
             * @default link
             * @enum {string}
             */
            portalSignIn?: "link_or_device" | "link";
            /**
             * @description Pushes of one challenge beyond the first. Stricter: fewer.
             * @default 3
             */
            resendsMax?: number;
            /**
             * @description Time between two pushes of one challenge. Stricter: more.
             * @default 10
             */
            resendGapSeconds?: number;
            /**
             * @description Pushes to a user within five minutes, from one known initiator or from all others together. Stricter: fewer.
             * @default 5
             */
            pushesPerFiveMinutesMax?: number;
            /**
             * @description The same within an hour. Stricter: fewer.
             * @default 10
             */
            pushesPerHourMax?: number;
            /**
             * @description Pushes that may stay unanswered or be denied since the last success; beyond it no more are sent until one succeeds. Stricter: fewer.
             * @default 3
             */
            unansweredMax?: number;
            /**
             * @description Time without a push after one that is unanswered. Stricter: more.
             * @default 10
             */
            unansweredGapSeconds?: number;
            /**
             * @description Time without a push after a denial. Stricter: more.
             * @default 60
             */
            denialGapSeconds?: number;
            /**
             * @description Challenges of a user that may be pending at the same time, from one known initiator or from all others together. Stricter: fewer.
             * @default 3
             */
            pendingMax?: number;
            /**
             * @description How long an initiator that the user approved keeps a budget of its own. Stricter: fewer.
             * @default 30
             */
            initiatorMemoryDays?: number;
            /**
             * @description How long a reported initiator is refused for that user. Stricter: more.
             * @default 86400
             */
            initiatorBlockSeconds?: number;
            /**
             * @description How long a report locks push sign-in for the user. Stricter: more.
             * @default 3600
             */
            reportLockSeconds?: number;
            /**
             * @description Pushes about activities to a user within an hour; the last one is reserved for critical ones. Stricter: fewer.
             * @default 3
             */
            activityPushesPerHourMax?: number;
            /**
             * @description Minimum versions of apps, such as `com.example.app@3.2.0`; an older app can only report its new version or unregister. The highest of several counts. Stricter: more.
             * @default []
             */
            appVersionsMin?: string[];
            /**
             * @description Platforms that are not accepted any more: `ios`, `android`, `web`, `other`. Stricter: more.
             * @default []
             */
            retiredPlatforms?: string[];
            /**
             * @description Whether browsers may be devices; their keys are software, and nobody vouches for them. From lax to strict: allowed, refused.
             * @default allowed
             * @enum {string}
             */
            browserDevices?: "allowed" | "refused";
            /**
             * @description Whether a passkey that its platform may copy to other devices counts as a verification key. From lax to strict: allowed, refused.
             * @default allowed
             * @enum {string}
             */
            syncedPasskeys?: "allowed" | "refused";
            /**
             * @description Minimum version of the device protocol; an app that speaks an older one can only report its new version or unregister. Stricter: more.
             * @default 1
             */
            protocolVersionMin?: number;
            /**
             * @description Whether companion devices (watches) are asked; never where a number must be typed. Stricter: false.
             * @default false
             */
            companionsMayAnswer?: boolean;
            /**
             * @description Devices that a user may have.
             * @default 10
             */
            devicesPerUserMax?: number;
            /**
             * @description Lifetime of an enrollment. Stricter: fewer.
             * @default 600
             */
            enrollmentTtlSeconds?: number;
            /**
             * @description Wrong typed codes that end the typed code of an enrollment. Stricter: fewer.
             * @default 5
             */
            enrollmentCodeTriesMax?: number;
            /**
             * @description Whether a new device must type the number from the sign-in page before it becomes active. Stricter: true.
             * @default true
             */
            enrollmentConfirmation?: boolean;
            /**
             * @description Days that an ended challenge is kept, with its answers: the evidence of a sign-in.
             * @default 90
             */
            challengeRetentionDays?: number;
            /**
             * @description Days that an activity is kept; the audit record says that it was purged.
             * @default 400
             */
            activityRetentionDays?: number;
            /**
             * @description Days that an ended enrollment is kept; that of a live device is kept as long as the device.
             * @default 90
             */
            enrollmentRetentionDays?: number;
            /**
             * @description Days that a resolved report is kept; an open one is kept.
             * @default 400
             */
            reportRetentionDays?: number;
            /**
             * @description Days that the diagnostics of a device are kept.
             * @default 14
             */
            diagnosticsRetentionDays?: number;
            /**
             * @description The language of people who have given none, a tag of BCP 47: for pushes where the app has no text of its own.
             * @default en
             * @example nl-BE
             */
            language?: string;
            /**
             * @description Whether new devices get a secret for passcodes, and passcodes are accepted. Recovery codes and temporary codes are not passcodes. Stricter: false.
             * @default true
             */
            passcodesAllowed?: boolean;
            /**
             * @description Digits of the passcodes of devices that are enrolled from now on.
             * @default 6
             */
            passcodeDigits?: number;
            /**
             * @description Whether a new device's keys must be attested by the maker of the phone: `log` records the verdict, `require` refuses a device without a verified attestation. From lax to strict: off, log, require.
             * @default off
             * @enum {string}
             */
            attestation?: "off" | "log" | "require";
        };
        /** @description A link that works once. */
        PortalLink: {
            /**
             * @description Identifies the link in activities; it is no credential.
             * @example pts_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description Give it to the user, and to nobody else.
             * @example https://countersign.example/t/tnt_01jv9z3k8we2tvn4qh6yrx7b5c/me/<43 characters>
             */
            url: string;
            /**
             * Format: date-time
             * @description When the link expires.
             * @example 2026-01-31T12:00:00.000Z
             */
            expiresAt: string;
        };
        /** @description Something that happened to the user at the relying party, shown as its claim. */
        PostedActivity: {
            /**
             * @description What happened, in your own words.
             * @example password_changed
             */
            type: string;
            /** @description How urgent it is: `warning` and `critical` are pushed, if the user wishes so. */
            severity: components["schemas"]["Severity"];
            /**
             * @description What to show. At most 64 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Your password was changed
             */
            title: string;
            /**
             * @description More to show. At most 256 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example If this was not you, tell your help desk.
             */
            message?: string;
            /**
             * Format: date-time
             * @description When it happened, within the past 30 days; now by default.
             * @example 2026-01-31T12:00:00.000Z
             */
            occurredAt?: string;
            fields?: {
                /**
                 * @description A label. At most 64 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
                 * @example Browser
                 */
                label: string;
                /**
                 * @description A value. At most 256 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
                 * @example Firefox on Windows
                 */
                value: string;
            }[];
        };
        /** @description RFC 9457. Further members carry facts of the code, for example `wrongNumbersLeft` or `serverTime`. The id of the request is in the header `Request-Id`. */
        Problem: {
            /** @description Names the kind of problem; holds the code. */
            type: string;
            /** @description What is wrong, for people: one sentence for each code, in the language of `Accept-Language` as far as there are texts in it, else in English. */
            title: string;
            /** @description The HTTP status. */
            status: number;
            /**
             * @description Stable: programs branch on this.
             * @enum {string}
             */
            code: "unauthenticated" | "api_key_invalid" | "address_not_allowed" | "scope_missing" | "namespace_not_granted" | "not_found" | "invalid_request" | "relying_party_unknown" | "policy_out_of_profile" | "policy_laxer" | "api_key_not_live" | "rotation_under_way" | "identifier_taken" | "identifiers_collide" | "enrollment_not_open" | "enrollment_code_invalid" | "enrollment_expired" | "enrollment_not_claimed" | "enrolled_before" | "too_many_devices" | "key_already_registered" | "too_many_key_rotations" | "passkey_synced" | "attestation_missing" | "attestation_invalid" | "proof_missing" | "proof_malformed" | "proof_invalid" | "proof_replayed" | "proof_key_not_allowed" | "clock_skew" | "device_unregistered" | "device_suspended" | "device_not_active" | "device_not_pending" | "app_taken" | "no_push_token" | "test_push_too_soon" | "pushes_paused" | "app_too_old" | "protocol_too_old" | "protocol_version_lowered" | "platform_retired" | "too_many_diagnostics" | "export_busy" | "integration_invalid" | "integration_paused" | "realm_unreachable" | "realm_keys_refused" | "integration_without_secret" | "sign_in_refused" | "sign_in_expired" | "caller_number_missing" | "numbers_ambiguous" | "number_unseen" | "factor_not_offered" | "signature_too_weak" | "fail_open_not_allowed" | "legacy_version_not_allowed" | "redirect_uri_unknown" | "enrollment_not_allowed" | "user_not_found" | "no_capable_device" | "user_suspended" | "push_locked" | "push_sign_in_off" | "initiator_blocked" | "too_many_pending" | "push_suppressed" | "number_none_not_allowed" | "number_too_short" | "return_url_not_allowed" | "idempotency_key_reused" | "challenge_ended" | "challenge_expired" | "resend_too_soon" | "resends_used_up" | "nothing_to_push" | "answer_malformed" | "answer_invalid" | "answer_key_not_allowed" | "wrong_number" | "number_missing" | "report_resolved" | "passcodes_not_allowed" | "passcode_wrong" | "passcode_used" | "passcode_clock_off" | "passcode_expired" | "passcode_locked" | "portal_link_invalid" | "portal_session_invalid" | "portal_step_up_needed" | "portal_link_needed" | "portal_not_approved" | "origin_not_allowed" | "webhook_url_refused" | "webhook_endpoint_not_active" | "too_many_webhook_endpoints" | "too_many_webhook_requests" | "conflict" | "too_many_requests" | "body_too_large" | "unsupported_media_type" | "headers_too_large" | "request_timeout" | "unavailable" | "internal";
            /** @description What to do next, for developers. */
            detail: string;
            /** @description Which members of the request are wrong; `path` is a JSON Pointer. */
            readonly errors?: {
                path: string;
                message: string;
            }[];
        } & {
            [key: string]: unknown;
        };
        /** @description Locks and counters of a user. They concern push sign-in only. */
        Protection: {
            wrongNumbersInRow: number;
            wrongNumbersSinceSuccess: number;
            /** @example null */
            lockedUntil: string | null;
            /** @example null */
            hardLockedAt: string | null;
            /** @example null */
            reportedUntil: string | null;
            /** @example null */
            pausedUntil: string | null;
            /** @example null */
            suspendedAt: string | null;
        };
        /**
         * @description What would help.
         * @enum {string}
         */
        PushAdvice: "enable_notifications" | "token_stale" | "provider_down" | "never_received" | "clock_off";
        /**
         * @description What the push is about.
         * @enum {string}
         */
        PushKind: "challenge_opened" | "challenge_closed" | "activity_recorded" | "test";
        /**
         * @description A push service of an app.
         * @enum {string}
         */
        PushProvider: "apns" | "fcm";
        /** @description The last pushes of a device, newest first. */
        PushReport: {
            readonly items: components["schemas"]["DevicePush"][];
            /**
             * @description What would help, by the rules in docs/limits.md, section Push doctor.
             * @example [
             *       "enable_notifications"
             *     ]
             */
            readonly advice: components["schemas"]["PushAdvice"][];
            /**
             * Format: date-time
             * @description When the report was made: the clock to compare with.
             * @example 2026-01-31T12:00:00.000Z
             */
            serverTime: string;
        };
        /**
         * @description `sent`: the push service accepted the push.
         * @enum {string}
         */
        PushStatus: "queued" | "sent" | "failed" | "suppressed";
        /** @description What would happen to a challenge created at this moment. */
        Readiness: {
            /** @description Ways in which the user can be asked, the preferred one first: `pull` is opening the app. */
            readonly methods: ("push" | "pull" | "passcode" | "recovery_code" | "temporary_code")[];
            /** @description Code with which a creation would be refused; null when it would not. */
            refusal: string | null;
            /**
             * @description After this time it may change by itself.
             * @example null
             */
            retryAfterSeconds: number | null;
            /**
             * @description Why no phone would be woken, as a challenge says it; null when one would be.
             * @example null
             */
            suppressed: components["schemas"]["SuppressionReason"] | null;
            readonly devices: {
                /**
                 * @description The device.
                 * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                deviceId: string;
                /** @example Ada's phone */
                name: string;
                /** @example true */
                mayAnswer: boolean;
                /** @example true */
                hasPushToken: boolean;
                /**
                 * @description Why it would not be asked; null when it would be.
                 * @example null
                 */
                whyNot: ("unconfirmed" | "suspended" | "app_too_old" | "platform_retired" | "protocol_too_old" | "companion" | "no_verification_key" | "passkey_synced") | null;
            }[];
        };
        /** @description How many users could be asked at this moment. */
        ReadinessCounts: {
            /**
             * @description All of them.
             * @example 12
             */
            users: number;
            ready: {
                /**
                 * @description Would be woken by a push.
                 * @example 12
                 */
                push: number;
                /**
                 * @description Would find the challenge by opening the app: no push token, or pushes are paused.
                 * @example 12
                 */
                pull: number;
            };
            notReady: {
                /**
                 * @description Stopped by an admin.
                 * @example 12
                 */
                user_suspended: number;
                /**
                 * @description Locked after wrong numbers or a report.
                 * @example 12
                 */
                push_locked: number;
                /**
                 * @description The policy allows push sign-in to nobody.
                 * @example 12
                 */
                off_for_everybody: number;
                /**
                 * @description Turned off for the user.
                 * @example 12
                 */
                off_for_user: number;
                /**
                 * @description Not among the users that the policy allows it to.
                 * @example 12
                 */
                user_not_listed: number;
                /**
                 * @description Has no device, and the roll-out is not there yet.
                 * @example 12
                 */
                user_not_reached: number;
                /**
                 * @description May enroll, and has no active device.
                 * @example 12
                 */
                no_device: number;
                /**
                 * @description Has a device, but none that may be asked.
                 * @example 12
                 */
                no_capable_device: number;
            };
        };
        /** @description New recovery codes, readable this once. */
        RecoveryCodes: {
            /**
             * @description 10 codes, each valid for one sign-in.
             * @example [
             *       "7K3Q-M9TX-2R8B-0VWD"
             *     ]
             */
            readonly codes: string[];
        };
        /** @description All of the tenant. */
        RelyingParties: {
            readonly items: components["schemas"]["RelyingParty"][];
            nextCursor: null;
        };
        /** @description An identity provider or application that asks. */
        RelyingParty: {
            /**
             * @description The relying party: `aud` of its results.
             * @example rp_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /** @example Example Bank */
            name: string;
            readonly namespaces: string[];
            /** @description Origins to which its challenges may lead back (`returnUrl`): https, the host in lower case, and its port if it is not 443. */
            readonly returnOrigins: string[];
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
        };
        /** @description What is new about the relying party. */
        RelyingPartyChanges: {
            /**
             * @description Origins to which its challenges may lead back (`returnUrl`): https, the host in lower case, and its port if it is not 443.
             * @example [
             *       "https://bank.example.com"
             *     ]
             */
            returnOrigins: string[];
        };
        /** @description "This wasn't me." */
        Report: {
            /**
             * @description The report.
             * @example rpt_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description Who reported.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            userId: string;
            deviceId: string | null;
            challengeId: string | null;
            activityId: string | null;
            status: components["schemas"]["ReportStatus"];
            /** @example null */
            resolution: components["schemas"]["ReportFinding"] | null;
            note: string | null;
            resolvedBy: string | null;
            /**
             * Format: date-time
             * @description When it was reported.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /** @example null */
            resolvedAt: string | null;
        };
        /**
         * @description What an admin concluded about a report.
         * @enum {string}
         */
        ReportFinding: "fraud" | "false_alarm";
        /** @description Reports, newest first. */
        ReportPage: {
            readonly items: components["schemas"]["Report"][];
            /** @description Give it as `cursor` to get the next page; null on the last one. */
            nextCursor: string | null;
        };
        /** @description What an admin found out about a report. */
        ReportResolution: {
            resolution: components["schemas"]["ReportFinding"];
            /** @default null */
            note?: string | null;
            /**
             * @description Also lift the locks of the user.
             * @default false
             */
            unlock?: boolean;
        };
        /**
         * @description Whether a report is resolved.
         * @enum {string}
         */
        ReportStatus: "open" | "resolved";
        /**
         * @description What an API key may do.
         * @enum {string}
         */
        Scope: "challenges:write" | "enrollments:write" | "users:read" | "users:write" | "activities:write" | "devices:write" | "temporary_codes:write" | "policy:write" | "webhooks:write" | "audit:read" | "integrations:write" | "admin";
        /**
         * @description How urgent an activity is.
         * @enum {string}
         */
        Severity: "info" | "warning" | "critical";
        /**
         * @description Why a step has failed or was skipped.
         * @enum {string}
         */
        StepReason: "paused" | "not_https" | "unreachable" | "certificate_untrusted" | "not_ours" | "other_contents" | "without_length" | "key_without_certificate" | "certificate_expired" | "certificate_of_other_key" | "clock_off" | "refused" | "accepted" | "answer_invalid" | "timeout" | "needs_other_step";
        /**
         * @description `skipped` proves nothing either way.
         * @enum {string}
         */
        StepResult: "passed" | "failed" | "skipped";
        /**
         * @description Why no phone is woken. See docs/limits.md.
         * @enum {string}
         */
        SuppressionReason: "paused" | "reported" | "recently_unanswered" | "recently_denied" | "push_budget_used_up" | "unanswered_pushes" | "no_push_token" | "resend_too_soon" | "resends_used_up";
        /**
         * @description Whether a user or a device is suspended.
         * @enum {string}
         */
        SuspensionStatus: "active" | "suspended";
        /** @description A code for one sign-in, readable this once. */
        TemporaryCode: {
            /** @example 7K3Q-M9TX-2R8B-0VWD */
            code: string;
            /**
             * Format: date-time
             * @description When it expires.
             * @example 2026-01-31T12:00:00.000Z
             */
            expiresAt: string;
        };
        /** @description The organisation that the API key belongs to. */
        Tenant: {
            /**
             * @description The tenant.
             * @example tnt_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /** @example Example Group */
            name: string;
            /**
             * @description How identifiers are compared: `exact` by every letter, `fold_ascii` with A to Z of a mail-shaped one (`Ada@Example.com`) folded to a to z. New tenants fold.
             * @enum {string}
             */
            identifierCase: "exact" | "fold_ascii";
        };
        /** @description What is new about the tenant. */
        TenantChanges: {
            /**
             * @description How identifiers are compared: `exact` by every letter, `fold_ascii` with A to Z of a mail-shaped one (`Ada@Example.com`) folded to a to z. New tenants fold.
             * @enum {string}
             */
            identifierCase: "exact" | "fold_ascii";
        };
        /** @description A harmless push, and the answer of the provider: `sent` means that it was accepted. */
        TestPush: {
            /**
             * @description The push.
             * @example dlv_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The device it is sent to.
             * @example dev_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            deviceId: string;
            status: components["schemas"]["PushStatus"];
            /** @description Why it was not delivered. */
            reason: string | null;
            attempts: number;
            /**
             * Format: date-time
             * @description When it was requested.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            settledAt: string | null;
        };
        /** @description A payment. Amount and payee are shown and signed; only devices that speak version 2 of the device protocol are asked. */
        Transaction: {
            /**
             * @description A decimal number, shown as it is.
             * @example 129.90
             */
            amount: string;
            /**
             * @description ISO 4217.
             * @example EUR
             */
            currency: string;
            /**
             * @description Who is paid. At most 140 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Bookshop Ltd
             */
            payee: string;
        };
        /** @description What one call did. */
        UnregisteredByTime: {
            /** @description Devices that this call unregistered. */
            unregistered: number;
            /** @description Users whose devices they were. */
            users: number;
            /** @description True: make the same call again for the rest. */
            more: boolean;
        };
        /** @description Why the device is unregistered. */
        Unregistration: {
            /** @enum {string} */
            reason: "lost" | "stolen" | "replaced" | "user_request" | "admin";
        };
        /** @description Which devices are unregistered, and why. */
        UnregistrationByTime: {
            /**
             * Format: starts_with
             * @description Devices registered at this time or later,
             * @example 2026-01-31T12:00:00.000Z
             */
            from: string & (unknown & unknown);
            /**
             * Format: starts_with
             * @description and before this time, which must not be in the future.
             * @example 2026-01-31T12:00:00.000Z
             */
            to: string & (unknown & unknown);
            /** @enum {string} */
            reason: "lost" | "stolen" | "admin";
        };
        /** @description A person. */
        User: {
            /**
             * @description The user: `sub` of results.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /** @example Ada Lovelace */
            displayName: string;
            readonly identifiers: {
                /** @example entra */
                namespace: string;
                /** @example ada@example.com */
                value: string;
            }[];
            /**
             * @description The language that was given for it; null for none.
             * @example nl-BE
             */
            language: string | null;
            /** @description A suspended user cannot sign in anywhere. */
            status: components["schemas"]["SuspensionStatus"];
            /**
             * Format: date-time
             * @description When the user was created.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
        };
        /** @description The user reported a challenge or an activity as not theirs. */
        UserFraudReportedEvent: {
            /** @constant */
            type: "user.fraud_reported";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                deviceId: string | null;
                challengeId: string | null;
                /**
                 * @description The activity that records it.
                 * @example act_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                activityId: string;
            };
        };
        /** @description How names that clients send become identifiers. */
        UserNameMapping: {
            /** @example suffix */
            domain: components["schemas"]["DomainPlace"];
            readonly domains: string[];
            lowerCase: boolean;
            /** @example {username} */
            template: string;
        };
        /** @description Users, newest first. */
        UserPage: {
            readonly items: components["schemas"]["User"][];
            /** @description Give it as `cursor` to get the next page; null on the last one. */
            nextCursor: string | null;
        };
        /** @description Approvals of the user are locked; offer another factor. */
        UserPushLockedEvent: {
            /** @constant */
            type: "user.push_locked";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                deviceId: string | null;
                challengeId: string | null;
                /**
                 * @description The activity that records it.
                 * @example act_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                activityId: string;
            };
        };
        /** @description Whether a user may use push sign-in. */
        UserPushSignIn: {
            /**
             * @description `default`: what the policy says (`pushSignIn`, `pushSignInPercent`).
             * @enum {string}
             */
            setting: "on" | "off" | "default";
            /** @description Whether the user may enroll a device. */
            mayEnroll: boolean;
            /**
             * @description Why not; null when the user may.
             * @example null
             */
            whyNot: ("off_for_everybody" | "off_for_user" | "user_not_listed" | "user_not_reached") | null;
        };
        /**
         * @description A name in the default namespace of the relying party, a name in another of its namespaces, or the id of the user.
         * @example ada@example.com
         */
        UserReference: string | components["schemas"]["GivenIdentifier"] | {
            /**
             * @description The user.
             * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
        };
        /** @description That lock was lifted by an admin. */
        UserUnlockedEvent: {
            /** @constant */
            type: "user.unlocked";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The user it is about.
                 * @example usr_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                userId: string;
                deviceId: string | null;
                challengeId: string | null;
                /**
                 * @description The activity that records it.
                 * @example act_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                activityId: string;
            };
        };
        /**
         * @description Whether a device must verify the person. `preferred`: one that has a verification key must.
         * @enum {string}
         */
        UserVerification: "not_required" | "preferred" | "required";
        /** @description One attempt to deliver one event. */
        WebhookAttempt: {
            /**
             * @description The attempt.
             * @example wha_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /**
             * @description The `webhook-id`.
             * @example evt_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            eventId: string;
            /** @enum {string} */
            type: "challenge.created" | "challenge.delivered" | "challenge.delivery_failed" | "challenge.fetched" | "challenge.approved" | "challenge.denied" | "challenge.reported" | "challenge.expired" | "challenge.cancelled" | "enrollment.claimed" | "enrollment.confirmed" | "device.registered" | "device.unregistered" | "device.suspended" | "device.push_token_lost" | "user.fraud_reported" | "user.push_locked" | "user.unlocked" | "activity.recorded" | "webhook.test";
            /**
             * Format: date-time
             * @description When it was sent.
             * @example 2026-01-31T12:00:00.000Z
             */
            at: string;
            durationMs: number;
            /** @description What the endpoint answered. */
            statusCode: number | null;
            /**
             * @description Why it does not count as delivered; null when it does.
             * @example timeout
             */
            reason: string | null;
            /**
             * @description The status of the event at this endpoint now.
             * @enum {string}
             */
            deliveryStatus: "queued" | "delivered" | "failed";
        };
        /** @description Attempts, newest first. */
        WebhookAttemptPage: {
            readonly items: components["schemas"]["WebhookAttempt"][];
            /** @description Give it as `cursor` to get the next page; null on the last one. */
            nextCursor: string | null;
        };
        /** @description Where a relying party receives events. */
        WebhookEndpoint: {
            /**
             * @description The endpoint.
             * @example whe_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /** @example https://idp.example.com/countersign/events */
            url: string;
            /** @example Payroll */
            description: string;
            readonly events: ("challenge.created" | "challenge.delivered" | "challenge.delivery_failed" | "challenge.fetched" | "challenge.approved" | "challenge.denied" | "challenge.reported" | "challenge.expired" | "challenge.cancelled" | "enrollment.claimed" | "enrollment.confirmed" | "device.registered" | "device.unregistered" | "device.suspended" | "device.push_token_lost" | "user.fraud_reported" | "user.push_locked" | "user.unlocked" | "activity.recorded" | "*")[];
            /**
             * @description `disabled` is sent nothing more: it answered 410.
             * @enum {string}
             */
            status: "active" | "paused" | "disabled";
            /**
             * @description `failing`: paused after failing for days.
             * @example null
             */
            statusReason: ("relying_party" | "failing" | "gone") | null;
            /** @example null */
            previousSecretUntil: string | null;
            /** @example null */
            failingSince: string | null;
            /** @example null */
            lastFailedAt: string | null;
            /**
             * Format: date-time
             * @description When it was added.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it was last changed.
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
        };
        /** @description What is new about the endpoint. */
        WebhookEndpointChanges: {
            /**
             * @description An https address of a public host, without credentials or fragment; port 443 or from 1024 on.
             * @example https://idp.example.com/countersign/events
             */
            url?: string;
            /**
             * @description What admins call it. At most 256 characters, without control, bidirectional or other format characters, save joiners in the scripts that have them and in emoji. It is stored in NFC, without soft hyphens, spaces and marks at its ends.
             * @example Payroll
             */
            description?: string;
            /**
             * @description Types of events, or `*` alone for all, those that come later included.
             * @example [
             *       "challenge.approved",
             *       "challenge.denied"
             *     ]
             */
            events?: [
                "*"
            ] | ("challenge.created" | "challenge.delivered" | "challenge.delivery_failed" | "challenge.fetched" | "challenge.approved" | "challenge.denied" | "challenge.reported" | "challenge.expired" | "challenge.cancelled" | "enrollment.claimed" | "enrollment.confirmed" | "device.registered" | "device.unregistered" | "device.suspended" | "device.push_token_lost" | "user.fraud_reported" | "user.push_locked" | "user.unlocked" | "activity.recorded")[];
            /**
             * @description `paused` keeps pending events; `active` sends them, unless they are stale.
             * @enum {string}
             */
            status?: "active" | "paused";
        };
        /** @description An endpoint and its new secret. */
        WebhookEndpointWithSecret: {
            /**
             * @description The endpoint.
             * @example whe_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            id: string;
            /** @example https://idp.example.com/countersign/events */
            url: string;
            /** @example Payroll */
            description: string;
            readonly events: ("challenge.created" | "challenge.delivered" | "challenge.delivery_failed" | "challenge.fetched" | "challenge.approved" | "challenge.denied" | "challenge.reported" | "challenge.expired" | "challenge.cancelled" | "enrollment.claimed" | "enrollment.confirmed" | "device.registered" | "device.unregistered" | "device.suspended" | "device.push_token_lost" | "user.fraud_reported" | "user.push_locked" | "user.unlocked" | "activity.recorded" | "*")[];
            /**
             * @description `disabled` is sent nothing more: it answered 410.
             * @enum {string}
             */
            status: "active" | "paused" | "disabled";
            /**
             * @description `failing`: paused after failing for days.
             * @example null
             */
            statusReason: ("relying_party" | "failing" | "gone") | null;
            /** @example null */
            previousSecretUntil: string | null;
            /** @example null */
            failingSince: string | null;
            /** @example null */
            lastFailedAt: string | null;
            /**
             * Format: date-time
             * @description When it was added.
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description When it was last changed.
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
            /**
             * @description What signs the webhooks (Standard Webhooks); shown here and never again.
             * @example whsec_...
             */
            secret: string;
        };
        /** @description The endpoints of the relying party, newest first. */
        WebhookEndpoints: {
            readonly items: components["schemas"]["WebhookEndpoint"][];
            nextCursor: null;
        };
        /** @description What to send again, under the same ids: one of the two. */
        WebhookReplay: {
            /**
             * @description The `webhook-id` of one event.
             * @example evt_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            eventId?: string;
            /**
             * Format: starts_with
             * @description Everything that failed and happened since.
             * @example 2026-01-31T12:00:00.000Z
             */
            failedSince?: string & (unknown & unknown);
        };
        /** @description What is sent again. */
        WebhookReplayed: {
            /** @description How many; when it is 1,000 call again. */
            replayed: number;
        };
        /** @description How to rotate the secret. */
        WebhookRotation: {
            /** @description How long the old secret signs, too; 86400 by default, 0 when it leaked. */
            overlapSeconds?: number;
        };
        /** @description A test that is on its way. */
        WebhookTest: {
            /**
             * @description The `webhook-id` that will arrive.
             * @example evt_01jv9z3k8we2tvn4qh6yrx7b5c
             */
            eventId: string;
        };
        /** @description A test that events arrive; sent regardless of the filter. */
        WebhookTestEvent: {
            /** @constant */
            type: "webhook.test";
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-01-31T12:00:00.000Z
             */
            timestamp: string;
            data: {
                /**
                 * @description Goes up when a member changes its meaning or is removed; members may be added.
                 * @constant
                 */
                version: 1;
                /**
                 * @description The endpoint.
                 * @example whe_01jv9z3k8we2tvn4qh6yrx7b5c
                 */
                endpointId: string;
            };
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listChallenges: {
        parameters: {
            query?: {
                /** @description Items on a page, 50 by default. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: string;
                /** @description The name of the user within its namespace. At most 255 characters, in NFC, without control, format or bidirectional characters. Spaces around it are dropped. */
                user?: string;
                /** @description A namespace of identifiers: lower case, 1 to 64 characters. */
                namespace?: string;
                /** @description The user, by id. */
                userId?: string;
                status?: components["schemas"]["ChallengeStatus"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The challenges. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChallengePage"];
                };
            };
        };
    };
    createChallenge: {
        parameters: {
            query?: {
                /** @description Seconds to wait for the change before answering, up to 30. */
                wait?: number;
            };
            header?: {
                /** @description The same key with the same body gives the same challenge, number included: a retry asks nobody twice. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewChallenge"];
            };
        };
        responses: {
            /** @description An earlier request created it, with this Idempotency-Key, or the same question of this browser was answered at this moment; `Idempotency-Replayed: true` says so. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedChallenge"];
                };
            };
            /** @description The challenge with the number to show. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedChallenge"];
                };
            };
        };
    };
    readChallenge: {
        parameters: {
            query?: {
                /** @description Seconds to wait for the change before answering, up to 30. */
                wait?: number;
            };
            header?: never;
            path: {
                /** @description The challenge. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The challenge. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Challenge"];
                };
            };
        };
    };
    cancelChallenge: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The challenge. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The challenge. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Challenge"];
                };
            };
        };
    };
    followChallenge: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The challenge. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
        };
    };
    readEvidence: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The challenge. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The evidence. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Evidence"];
                };
            };
        };
    };
    resendChallenge: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The challenge. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The challenge. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Challenge"];
                };
            };
        };
    };
    openEnrollment: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewEnrollment"];
            };
        };
        responses: {
            /** @description The enrollment with its codes. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenedEnrollment"];
                };
            };
        };
    };
    readEnrollment: {
        parameters: {
            query?: {
                /** @description Seconds to wait for the change before answering, up to 30. */
                wait?: number;
                after?: components["schemas"]["EnrollmentStatus"];
            };
            header?: never;
            path: {
                /** @description The enrollment. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The enrollment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Enrollment"];
                };
            };
        };
    };
    cancelEnrollment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The enrollment. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The enrollment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Enrollment"];
                };
            };
        };
    };
    readEnrollmentWindow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The window. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnrollmentWindow"];
                };
            };
        };
    };
    openEnrollmentWindow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewEnrollmentWindow"];
            };
        };
        responses: {
            /** @description The window. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnrollmentWindow"];
                };
            };
        };
    };
    closeEnrollmentWindow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No window is open. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    openEnrollmentOfUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewEnrollmentOfUser"];
            };
        };
        responses: {
            /** @description The enrollment with its codes. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenedEnrollment"];
                };
            };
        };
    };
    countReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The counts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadinessCounts"];
                };
            };
        };
    };
    listReports: {
        parameters: {
            query?: {
                /** @description Items on a page, 50 by default. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: string;
                status?: components["schemas"]["ReportStatus"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The reports. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReportPage"];
                };
            };
        };
    };
    resolveReport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The report. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReportResolution"];
            };
        };
        responses: {
            /** @description The resolved report. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Report"];
                };
            };
        };
    };
    listUsers: {
        parameters: {
            query?: {
                /** @description Items on a page, 50 by default. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: string;
                /** @description The name of the user within its namespace. At most 255 characters, in NFC, without control, format or bidirectional characters. Spaces around it are dropped. */
                identifier?: string;
                /** @description A namespace of identifiers: lower case, 1 to 64 characters. */
                namespace?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The users. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserPage"];
                };
            };
        };
    };
    importUser: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ImportedUser"];
            };
        };
        responses: {
            /** @description The user was there already. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            /** @description The new user. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    readUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    changeUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangedUser"];
            };
        };
        responses: {
            /** @description The user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    listActivities: {
        parameters: {
            query?: {
                /** @description Items on a page, 50 by default. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The activities. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ActivityPage"];
                };
            };
        };
    };
    postActivity: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same body gives the same activity: a retry notifies nobody twice. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PostedActivity"];
            };
        };
        responses: {
            /** @description An earlier request with this Idempotency-Key created it; `Idempotency-Replayed: true` says so. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Activity"];
                };
            };
            /** @description The activity. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Activity"];
                };
            };
        };
    };
    eraseUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Erased. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    exportUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The data. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PersonalData"];
                };
            };
        };
    };
    readProtection: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Locks and counters of the user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Protection"];
                };
            };
        };
    };
    readPushSignIn: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What holds now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserPushSignIn"];
                };
            };
        };
    };
    setPushSignIn: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GivenPushSignIn"];
            };
        };
        responses: {
            /** @description What holds now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserPushSignIn"];
                };
            };
        };
    };
    readUserReadiness: {
        parameters: {
            query?: {
                userVerification?: components["schemas"]["UserVerification"];
                /** @description Whether a number would be typed. */
                number?: "service" | "none";
            };
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What would happen. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
        };
    };
    unlockUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Locks and counters of the user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Protection"];
                };
            };
        };
    };
    readOtherFactors: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What there is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OtherFactors"];
                };
            };
        };
    };
    verifyPasscode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GivenPasscode"];
            };
        };
        responses: {
            /** @description The code was accepted. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AcceptedPasscode"];
                };
            };
        };
    };
    createRecoveryCodes: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewRecoveryCodes"];
            };
        };
        responses: {
            /** @description The codes. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecoveryCodes"];
                };
            };
        };
    };
    createTemporaryCode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewTemporaryCode"];
            };
        };
        responses: {
            /** @description The code. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TemporaryCode"];
                };
            };
        };
    };
    unregisterDevicesByTime: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UnregistrationByTime"];
            };
        };
        responses: {
            /** @description What it did. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UnregisteredByTime"];
                };
            };
        };
    };
    readDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The device. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
        };
    };
    changeDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The device. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangedDevice"];
            };
        };
        responses: {
            /** @description The device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
        };
    };
    readPushes: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The device. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pushes, newest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PushReport"];
                };
            };
        };
    };
    readTestPush: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The device. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The push. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TestPush"];
                };
            };
        };
    };
    pushTest: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The device. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The push is queued. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TestPush"];
                };
            };
        };
    };
    unregisterDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The device. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Unregistration"];
            };
        };
        responses: {
            /** @description The device. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Device"];
                };
            };
        };
    };
    listDiagnostics: {
        parameters: {
            query?: {
                /** @description Items on a page, 50 by default. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The diagnostics. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DiagnosticsPage"];
                };
            };
        };
    };
    readDiagnostics: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The incident. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The diagnostics. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Diagnostics"];
                };
            };
        };
    };
    listDevices: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The devices, newest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Devices"];
                };
            };
        };
    };
    unregisterAllDevices: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Unregistration"];
            };
        };
        responses: {
            /** @description The devices that were alive. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Devices"];
                };
            };
        };
    };
    createPortalLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The link, readable this once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalLink"];
                };
            };
        };
    };
    listIntegrations: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The integrations. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Integrations"];
                };
            };
        };
    };
    createIntegration: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewIntegration"];
            };
        };
        responses: {
            /** @description The integration; a new secret is readable only once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IntegrationWithSecret"];
                };
            };
        };
    };
    readIntegration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The integration. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The integration. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Integration"];
                };
            };
        };
    };
    removeIntegration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The integration. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The integration and its secrets are gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeIntegration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The integration. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["IntegrationChanges"];
            };
        };
        responses: {
            /** @description The integration; a new secret is readable only once. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IntegrationWithSecret"];
                };
            };
        };
    };
    rotateIntegration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The integration. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["IntegrationRotation"];
            };
        };
        responses: {
            /** @description The integration; a new secret is readable only once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IntegrationWithSecret"];
                };
            };
        };
    };
    testIntegration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The integration. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Each step and its result. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConnectionTest"];
                };
            };
        };
    };
    listWebhookEndpoints: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The endpoints. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpoints"];
                };
            };
        };
    };
    createWebhookEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewWebhookEndpoint"];
            };
        };
        responses: {
            /** @description The endpoint and its secret, which is shown only once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpointWithSecret"];
                };
            };
        };
    };
    readWebhookEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The endpoint. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The endpoint. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
        };
    };
    removeWebhookEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The endpoint. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The endpoint is removed; its pending events are not sent. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeWebhookEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The endpoint. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookEndpointChanges"];
            };
        };
        responses: {
            /** @description The endpoint. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
        };
    };
    listWebhookAttempts: {
        parameters: {
            query?: {
                /** @description Items on a page, 50 by default. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description The endpoint. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The attempts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookAttemptPage"];
                };
            };
        };
    };
    replayWebhooks: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The endpoint. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookReplay"];
            };
        };
        responses: {
            /** @description They are on their way. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookReplayed"];
                };
            };
        };
    };
    rotateWebhookSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The endpoint. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookRotation"];
            };
        };
        responses: {
            /** @description The endpoint and its secret, which is shown only once. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpointWithSecret"];
                };
            };
        };
    };
    testWebhookEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The endpoint. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is on its way. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookTest"];
                };
            };
        };
    };
    listApiKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The keys. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeys"];
                };
            };
        };
    };
    createApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewApiKey"];
            };
        };
        responses: {
            /** @description The key with its secret, readable this once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedApiKey"];
                };
            };
        };
    };
    revokeApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The key. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The revoked key. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKey"];
                };
            };
        };
    };
    rotateApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The key. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiKeyRotation"];
            };
        };
        responses: {
            /** @description The new key with its secret, readable this once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedApiKey"];
                };
            };
        };
    };
    listApps: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The apps. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Apps"];
                };
            };
        };
    };
    createApp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewApp"];
            };
        };
        responses: {
            /** @description The app. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["App"];
                };
            };
        };
    };
    readApp: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The app. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The app. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["App"];
                };
            };
        };
    };
    removeApp: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The app. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The app is removed; its devices find challenges by polling. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeApp: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The app. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AppChanges"];
            };
        };
        responses: {
            /** @description The app. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["App"];
                };
            };
        };
    };
    listAuditEvents: {
        parameters: {
            query?: {
                /** @description Items on a page, 50 by default. */
                limit?: number;
                /** @description The `nextCursor` of the page before. */
                cursor?: string;
                /** @description Only events of this type. */
                type?: string;
                /** @description Only what this one did. */
                actor?: string;
                /** @description Only what was done to this. */
                subject?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditEventPage"];
                };
            };
        };
    };
    readBranding: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The branding. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Branding"];
                };
            };
        };
    };
    replaceBranding: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewBranding"];
            };
        };
        responses: {
            /** @description The branding. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Branding"];
                };
            };
        };
    };
    removeBranding: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The branding is removed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The policy in force. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Policy"];
                };
            };
        };
    };
    replacePolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyOverrides"];
            };
        };
        responses: {
            /** @description The policy in force. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Policy"];
                };
            };
        };
    };
    changePolicy: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyOverrides"];
            };
        };
        responses: {
            /** @description The policy in force. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Policy"];
                };
            };
        };
    };
    listRelyingParties: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The relying parties. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RelyingParties"];
                };
            };
        };
    };
    createRelyingParty: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewRelyingParty"];
            };
        };
        responses: {
            /** @description The new relying party. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RelyingParty"];
                };
            };
        };
    };
    changeRelyingParty: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The relying party. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RelyingPartyChanges"];
            };
        };
        responses: {
            /** @description The relying party. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RelyingParty"];
                };
            };
        };
    };
    readRelyingPartyPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The relying party. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The policy in force. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Policy"];
                };
            };
        };
    };
    replaceRelyingPartyPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The relying party. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyOverrides"];
            };
        };
        responses: {
            /** @description The policy in force. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Policy"];
                };
            };
        };
    };
    readTenant: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The tenant. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
        };
    };
    changeTenant: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TenantChanges"];
            };
        };
        responses: {
            /** @description The tenant. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
        };
    };
    onChallengeCreatedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChallengeCreatedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onChallengeDeliveredEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChallengeDeliveredEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onChallengeDeliveryFailedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChallengeDeliveryFailedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onChallengeFetchedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChallengeFetchedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onChallengeApprovedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChallengeApprovedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onChallengeDeniedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChallengeDeniedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onChallengeReportedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChallengeReportedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onChallengeExpiredEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChallengeExpiredEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onChallengeCancelledEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChallengeCancelledEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onEnrollmentClaimedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EnrollmentClaimedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onEnrollmentConfirmedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EnrollmentConfirmedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onDeviceRegisteredEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceRegisteredEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onDeviceUnregisteredEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceUnregisteredEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onDeviceSuspendedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceSuspendedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onDevicePushTokenLostEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DevicePushTokenLostEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onUserFraudReportedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserFraudReportedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onUserPushLockedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserPushLockedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onUserUnlockedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserUnlockedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onActivityRecordedEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ActivityRecordedEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    onWebhookTestEvent: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the event: the same in all attempts. Answer 2xx to an id seen before, and ignore it. */
                "webhook-id": string;
                /** @description Unix time of this attempt, in seconds. */
                "webhook-timestamp": string;
                /** @description Signatures separated by spaces: `v1,` and base64 HMAC-SHA-256 of id, timestamp and body, joined by dots. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookTestEvent"];
            };
        };
        responses: {
            /** @description The endpoint is gone permanently, and is disabled. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted. */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Retried later; a redirect, too, is a failure. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
