-- CreateTable
CREATE TABLE "installation" (
    "id" BOOLEAN NOT NULL DEFAULT true,
    "public_origin" TEXT,
    "origin_given" BOOLEAN NOT NULL DEFAULT false,
    "first_key_id" TEXT,
    "first_key_shown_by" TEXT,
    "first_key_shown_at" TIMESTAMPTZ(6),
    "probed_at" TIMESTAMPTZ(6),

    CONSTRAINT "installation_pkey" PRIMARY KEY ("id")
);

-- Checks
ALTER TABLE "installation" ADD CONSTRAINT "installation_id_check" CHECK (id);

-- The one row: written here, so that every process finds it.
INSERT INTO "installation" DEFAULT VALUES;
