-- AlterTable
ALTER TABLE "activities" ADD COLUMN     "notice" TEXT,
ADD COLUMN     "post_hash" BYTEA,
ADD COLUMN     "post_key" TEXT,
ADD COLUMN     "posted" JSONB,
ADD COLUMN     "rp_id" TEXT;

-- AlterTable
ALTER TABLE "deliveries" ADD COLUMN     "activity_id" TEXT,
ALTER COLUMN "challenge_id" DROP NOT NULL;

-- AlterTable
ALTER TABLE "devices" ADD COLUMN     "parent_device_id" TEXT,
ADD COLUMN     "test_pushed_at" TIMESTAMPTZ(6);

-- AlterTable
ALTER TABLE "enrolments" ADD COLUMN     "parent_device_id" TEXT;

-- AlterTable
ALTER TABLE "users" ADD COLUMN     "notification_preferences" JSONB NOT NULL DEFAULT '{}';

-- CreateTable
CREATE TABLE "activity_push_budgets" (
    "tenant_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "pushed_at" TIMESTAMPTZ(6)[],

    CONSTRAINT "activity_push_budgets_pkey" PRIMARY KEY ("tenant_id","user_id")
);

-- CreateTable
CREATE TABLE "apps" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "app_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "credentials_sealed" BYTEA NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "apps_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE UNIQUE INDEX "apps_tenant_id_provider_app_id_key" ON "apps"("tenant_id", "provider", "app_id");

-- CreateIndex
CREATE INDEX "activities_owed" ON "activities"("occurred_at") WHERE (notice = 'owed' or (notice is null and severity = 'critical'));

-- CreateIndex
CREATE INDEX "activities_waiting" ON "activities"("occurred_at") WHERE (notice = 'waiting');

-- CreateIndex
CREATE UNIQUE INDEX "activities_post_key" ON "activities"("tenant_id", "rp_id", "post_key") WHERE (post_key is not null);

-- CreateIndex
CREATE INDEX "deliveries_activity" ON "deliveries"("tenant_id", "activity_id") WHERE (activity_id is not null);

-- CreateIndex
CREATE INDEX "deliveries_test" ON "deliveries"("tenant_id", "device_id", "id") WHERE (kind = 'test');

-- CreateIndex
CREATE INDEX "devices_companions" ON "devices"("tenant_id", "parent_device_id") WHERE (parent_device_id is not null);

-- AddForeignKey
ALTER TABLE "devices" ADD CONSTRAINT "devices_tenant_id_parent_device_id_fkey" FOREIGN KEY ("tenant_id", "parent_device_id") REFERENCES "devices"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_tenant_id_activity_id_fkey" FOREIGN KEY ("tenant_id", "activity_id") REFERENCES "activities"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "activities" ADD CONSTRAINT "activities_tenant_id_rp_id_fkey" FOREIGN KEY ("tenant_id", "rp_id") REFERENCES "relying_parties"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "activity_push_budgets" ADD CONSTRAINT "activity_push_budgets_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "apps" ADD CONSTRAINT "apps_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Checks
ALTER TABLE "deliveries" DROP CONSTRAINT "deliveries_kind_check";
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_challenge_id_check" CHECK ((challenge_id is not null) = (kind in ('challenge_opened', 'challenge_closed')));
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_activity_id_check" CHECK ((activity_id is not null) = (kind = 'activity_recorded'));
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_kind_check" CHECK (kind in ('challenge_opened', 'challenge_closed', 'activity_recorded', 'test'));
ALTER TABLE "activities" ADD CONSTRAINT "activities_notice_check" CHECK (notice in ('owed', 'waiting', 'pushed', 'merged', 'in_app', 'over_limit', 'no_device', 'stale'));
ALTER TABLE "apps" ADD CONSTRAINT "apps_provider_check" CHECK (provider in ('apns', 'fcm'));
