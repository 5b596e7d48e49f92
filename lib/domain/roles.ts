/** The four kinds of people. A candidate is the customer. */
export const ROLES = ['admin', 'supervisor', 'agent', 'candidate'] as const;
export type Role = (typeof ROLES)[number];

/** Roles that an admin gives; a candidate registers by themselves. */
export const STAFF_ROLES = ['admin', 'supervisor', 'agent'] as const satisfies readonly Role[];
