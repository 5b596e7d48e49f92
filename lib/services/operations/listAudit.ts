import type { AuditEntry } from '../../protocol/objects/operations.ts';
import * as store from '../../store/audit.ts';
import type { Page, PageRequest } from '../../store/pages.ts';

/** Lists the audit trail, newest first. */
export function listAudit({ limit, cursor, ...filter }: store.AuditFilter & PageRequest): Promise<Page<AuditEntry>> {
  return store.listAudit(filter, { limit, cursor });
}
