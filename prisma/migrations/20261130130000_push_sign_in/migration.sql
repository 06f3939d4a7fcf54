-- AlterTable
ALTER TABLE "tenants" ADD COLUMN     "rollout_key" TEXT NOT NULL DEFAULT gen_random_uuid()::text;

-- AlterTable
ALTER TABLE "user_protections" ADD COLUMN     "push_sign_in" TEXT;

-- Checks
ALTER TABLE "user_protections" ADD CONSTRAINT "user_protections_push_sign_in_check" CHECK (push_sign_in in ('on', 'off'));
