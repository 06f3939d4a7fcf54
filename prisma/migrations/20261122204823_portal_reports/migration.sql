-- AlterTable
ALTER TABLE "reports" ALTER COLUMN "device_id" DROP NOT NULL;
