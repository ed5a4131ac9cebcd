// The HTTP gateway: validation, the token's guard, and a message for each request.
import 'reflect-metadata';

import {
  ArgumentsHost, Body, CanActivate, Catch, Controller, ExceptionFilter, ExecutionContext, Get, HttpCode, HttpException,
  HttpStatus, Inject, Injectable, Module, Post, Req, UnauthorizedException, UseGuards, ValidationPipe,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxy, ClientsModule, Transport } from '@nestjs/microservices';
import type { Request, Response } from 'express';
import * as jwt from 'jsonwebtoken';
import { firstValueFrom, timeout } from 'rxjs';

import { JWT_SECRET, LOGIN, LoginDto, REGISTER, RegisterDto, TCP_PORT, User, VALIDATE_USER } from './contract';

const TIMEOUT_MS = 5000;

@Injectable()
class Networking {
  constructor(@Inject('IDENTITY') private readonly client: ClientProxy) {}

  ask<T>(pattern: object, data: object): Promise<T> {
    return firstValueFrom(this.client.send<T>(pattern, data).pipe(timeout(TIMEOUT_MS)));
  }
}

type WithUser = Request & { user?: User };

@Injectable()
class JwtGuard implements CanActivate {
  constructor(private readonly networking: Networking) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<WithUser>();
    const [scheme, token] = (request.headers.authorization ?? '').split(' ');
    if (scheme !== 'Bearer' || !token) throw new UnauthorizedException('No auth token');
    const user = await this.networking.ask<User | null>(VALIDATE_USER, { userId: this.subject(token) });
    if (!user) throw new UnauthorizedException('User not found or token invalid');
    request.user = user;
    return true;
  }

  private subject(token: string): string {
    try {
      return String(jwt.verify(token, JWT_SECRET, { algorithms: ['HS256'] }).sub);
    } catch (error) {
      throw new UnauthorizedException((error as Error).message);
    }
  }
}

@Controller('auth')
class AuthController {
  constructor(private readonly networking: Networking) {}

  @Post('register')
  register(@Body() body: RegisterDto): Promise<User> {
    return this.networking.ask(REGISTER, body);
  }

  @Post('login')
  @HttpCode(HttpStatus.OK)
  login(@Body() body: LoginDto): Promise<{ accessToken: string; user: User }> {
    return this.networking.ask(LOGIN, body);
  }

  @Get('me')
  @UseGuards(JwtGuard)
  me(@Req() request: WithUser): User | undefined {
    return request.user;
  }
}

/** One form for every error, as the identity service words them. */
@Catch()
class ErrorFilter implements ExceptionFilter {
  catch(thrown: any, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const known = thrown instanceof HttpException ? (thrown.getResponse() as any) : thrown;
    const statusCode = Number(known?.statusCode) || HttpStatus.INTERNAL_SERVER_ERROR;
    http.getResponse<Response>().status(statusCode).json({
      statusCode,
      message: known?.message ?? 'An unexpected error occurred with a downstream service.',
      error: HttpStatus[statusCode],
      timestamp: new Date().toISOString(),
      path: http.getRequest<Request>().url,
    });
  }
}

@Module({
  imports: [
    ClientsModule.register([
      { name: 'IDENTITY', transport: Transport.TCP, options: { host: '127.0.0.1', port: TCP_PORT } },
    ]),
  ],
  controllers: [AuthController],
  providers: [Networking],
})
class GatewayModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create(GatewayModule, { logger: false });
  app.setGlobalPrefix('api');
  app.useGlobalFilters(new ErrorFilter());
  app.useGlobalPipes(
    new ValidationPipe({
      whitelist: true,
      forbidNonWhitelisted: true,
      transform: true,
      transformOptions: { enableImplicitConversion: true },
    }),
  );
  await app.listen(Number(process.env.GATEWAY_PORT), '127.0.0.1');
  console.log(`ready http://127.0.0.1:${process.env.GATEWAY_PORT}`);
}

void main();
