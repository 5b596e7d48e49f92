/** The form in which e-mail addresses are compared: two that differ in case only are one. */
export const emailKey = (email: string): string => email.normalize('NFC').toLowerCase();
