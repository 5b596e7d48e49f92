import type { AuditEntry } from '../../protocol/objects.ts';
import { type AuditFilter, listAudit } from '../../store/audit.ts';
import type { Page, PageRequest } from '../../store/pages.ts';

/** The audit trail, newest first. */
export function readAudit({ limit, cursor, ...filter }: AuditFilter & PageRequest): Promise<Page<AuditEntry>> {
  return listAudit(filter, { limit, cursor });
}
