-- CreateTable
CREATE TABLE "brandings" (
    "tenant_id" TEXT NOT NULL,
    "display_name" TEXT NOT NULL,
    "accent_light" TEXT NOT NULL,
    "accent_dark" TEXT NOT NULL,
    "help" TEXT[] NOT NULL,
    "logo_header" JSONB,
    "logo" BYTEA,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "brandings_pkey" PRIMARY KEY ("tenant_id")
);

-- AddForeignKey
ALTER TABLE "brandings" ADD CONSTRAINT "brandings_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Checks
ALTER TABLE "brandings" ADD CONSTRAINT "brandings_logo_check" CHECK ((logo is null) = (logo_header is null));
ALTER TABLE "brandings" ADD CONSTRAINT "brandings_octet_length_check" CHECK (octet_length(logo) <= 32000);
