-- One spelling, `enrollment`, in tables, columns and settings. The types of activities stay as they
-- are stored (src/domain/stored-activity-type.ts): the audit chain has hashed them.

ALTER TABLE "enrolments" RENAME TO "enrollments";
ALTER TABLE "enrollments" RENAME CONSTRAINT "enrolments_pkey" TO "enrollments_pkey";
ALTER TABLE "enrollments" RENAME CONSTRAINT "enrolments_tenant_id_user_id_fkey" TO "enrollments_tenant_id_user_id_fkey";
ALTER TABLE "enrollments" RENAME CONSTRAINT "enrolments_tenant_id_rp_id_fkey" TO "enrollments_tenant_id_rp_id_fkey";
ALTER TABLE "enrollments" RENAME CONSTRAINT "enrolments_status_check" TO "enrollments_status_check";
ALTER INDEX "enrolments_tenant_id_user_id_created_at_idx" RENAME TO "enrollments_tenant_id_user_id_created_at_idx";
ALTER INDEX "enrolments_tenant_id_code_hash_key" RENAME TO "enrollments_tenant_id_code_hash_key";
ALTER INDEX "enrolments_tenant_id_expires_at_idx" RENAME TO "enrollments_tenant_id_expires_at_idx";
ALTER TABLE "devices" RENAME COLUMN "enrolment_id" TO "enrollment_id";
ALTER TABLE "activities" RENAME COLUMN "enrolment_id" TO "enrollment_id";
ALTER TABLE "webhook_facts" RENAME COLUMN "enrolment_id" TO "enrollment_id";

UPDATE "tenants" SET policy = (
  select jsonb_object_agg(replace(field, 'enrolment', 'enrollment'), value) from jsonb_each(policy) as e(field, value)
) WHERE policy::text like '%enrolment%';
UPDATE "relying_parties" SET policy = (
  select jsonb_object_agg(replace(field, 'enrolment', 'enrollment'), value) from jsonb_each(policy) as e(field, value)
) WHERE policy::text like '%enrolment%';
UPDATE "integrations" SET policy = (
  select jsonb_object_agg(replace(field, 'enrolment', 'enrollment'), value) from jsonb_each(policy) as e(field, value)
) WHERE policy::text like '%enrolment%';
UPDATE "integrations" SET settings = (
  select jsonb_object_agg(replace(field, 'enrolment', 'enrollment'), value) from jsonb_each(settings) as e(field, value)
) WHERE settings::text like '%enrolment%';

CREATE OR REPLACE FUNCTION "webhook_owe"(fact "webhook_facts") RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  fact.owner_rp_id := coalesce(fact.owner_rp_id,
    (select c.rp_id from challenges c where c.tenant_id = fact.tenant_id and c.id = fact.challenge_id),
    (select e.rp_id from enrollments e where e.tenant_id = fact.tenant_id and e.id = fact.enrollment_id));
  fact.viewer_rp_ids := array(select distinct e.rp_id
    from webhook_endpoints e
    join relying_parties r on r.tenant_id = e.tenant_id and r.id = e.rp_id
    where e.tenant_id = fact.tenant_id and e.status in ('active', 'paused')
      and exists (select from user_identifiers i where i.tenant_id = e.tenant_id
        and i.user_id = fact.user_id and i.namespace = any(r.namespaces)));
  if cardinality(fact.viewer_rp_ids) = 0 and not exists (select from webhook_endpoints e
    where e.tenant_id = fact.tenant_id and e.rp_id = fact.owner_rp_id and e.status in ('active', 'paused'))
  then return; end if;
  fact.seq := nextval('webhook_facts_seq_seq');
  insert into webhook_facts select fact.*;
END
$$;

CREATE OR REPLACE FUNCTION "webhook_owe_activity"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE fact webhook_facts;
BEGIN
  if not exists (select from webhook_endpoints e
    where e.tenant_id = new.tenant_id and e.status in ('active', 'paused')) then return null; end if;
  fact.tenant_id := new.tenant_id;
  fact.kind := 'activity';
  fact.user_id := new.user_id;
  fact.activity_id := new.id;
  fact.activity_type := new.type;
  fact.severity := new.severity;
  fact.challenge_id := new.challenge_id;
  fact.device_id := new.device_id;
  fact.enrollment_id := new.enrollment_id;
  fact.reason := new.details ->> 'reason';
  fact.owner_rp_id := new.rp_id;
  fact.occurred_at := new.occurred_at;
  perform webhook_owe(fact);
  return null;
END
$$;
