-- AlterTable
ALTER TABLE "devices" DROP COLUMN "test_pushed_at",
ADD COLUMN     "test_pushes_at" TIMESTAMPTZ(6)[] DEFAULT ARRAY[]::TIMESTAMPTZ(6)[];
