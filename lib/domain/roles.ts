/** The four kinds of people. A candidate is the customer. */
export const ROLES = ['admin', 'supervisor', 'agent', 'candidate'] as const;
export type Role = (typeof ROLES)[number];

/** Roles that an admin gives. A candidate registers, comes as a visitor, or comes by a token of the company's own site. */
export const STAFF_ROLES = ['admin', 'supervisor', 'agent'] as const satisfies readonly Role[];
