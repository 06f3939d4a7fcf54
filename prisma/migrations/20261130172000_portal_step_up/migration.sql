-- What a session of the portal may do beyond looking and ending depends on who made its link, and
-- on a code typed in it. Links from before may do no more than they could.

-- AlterTable
ALTER TABLE "enrollments" ADD COLUMN     "opened_by_session_id" TEXT;

-- AlterTable
ALTER TABLE "portal_sessions" ADD COLUMN     "link_scopes" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "verified_at" TIMESTAMPTZ(6);
