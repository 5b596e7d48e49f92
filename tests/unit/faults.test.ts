import mongoose from 'mongoose';
import { AppError } from '../../lib/errors/appError.ts';
import { asAppError, isUnavailable } from '../../lib/errors/faults.ts';

const { mongo } = mongoose;
const server = (code: number, ...labels: string[]) => {
  const error = new mongo.MongoServerError({ message: 'no', code });
  for (const label of labels) error.addErrorLabel(label);
  return error;
};
const system = (code: string) => Object.assign(new Error(code), { code });

describe('a fault of the database', () => {
  it.each([
    ['a network error', new mongo.MongoNetworkError('gone')],
    ['no primary', new mongo.MongoServerSelectionError('none', {} as never)],
    ['mongoose found no server', new mongoose.Error.MongooseServerSelectionError('none')],
    ['not primary', server(10_107)],
    ['shutting down', server(11_600)],
    ['shutting down, of several writes', new mongo.MongoBulkWriteError(server(91), {} as never)],
    ['a user who may not', server(13)],
    ['a wrong password', server(18)],
    ['Atlas, which knows no such user', server(8000)],
    ['a write conflict', server(112, 'TransientTransactionError')],
    ['an unknown commit', server(1, 'UnknownTransactionCommitResult')],
    ['a socket ended by the other side, which the driver does not wrap', system('EPIPE')],
    ['a refused connection', system('ECONNREFUSED')],
  ])('%s is UNAVAILABLE', (_, error) => {
    expect(isUnavailable(error)).toBe(true);
    expect(asAppError(error).code).toBe('UNAVAILABLE');
  });

  it.each([
    ['a mistake of ours', new TypeError('x is not a function')],
    ['a refused document', server(121)],
    ['a duplicate key', server(11_000)],
    ['another system error', system('EACCES')],
    ['something that is no error', 'oops'],
    ['nothing', undefined],
  ])('%s is INTERNAL, and its text stays inside', (_, error) => {
    const told = asAppError(error);
    expect(told.code).toBe('INTERNAL');
    expect(told.message).toBe('Something went wrong on our side.');
  });

  it('leaves a refusal as it is', () => {
    const refusal = new AppError('NOT_FOUND');
    expect(asAppError(refusal)).toBe(refusal);
  });
});
