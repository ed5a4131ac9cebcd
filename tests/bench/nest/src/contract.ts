// What both processes know of each other: bodies, messages, and the token's secret.
import { IsEmail, IsNotEmpty, IsOptional, IsString, MinLength } from 'class-validator';

export class LoginDto {
  @IsEmail()
  @IsNotEmpty()
  email: string;

  @IsString()
  @IsNotEmpty()
  password: string;
}

export class RegisterDto {
  @IsEmail({}, { message: 'Please provide a valid email address.' })
  @IsNotEmpty({ message: 'Email should not be empty.' })
  email: string;

  @IsString()
  @IsNotEmpty({ message: 'Password should not be empty.' })
  @MinLength(8, { message: 'Password must be at least 8 characters long.' })
  password: string;

  @IsOptional()
  @IsString()
  name?: string;
}

export interface User {
  id: string;
  email: string;
  name?: string;
  createdAt: string;
  updatedAt: string;
}

export const REGISTER = { cmd: 'auth_register' };
export const LOGIN = { cmd: 'auth_login' };
export const VALIDATE_USER = { cmd: 'auth_validate_user' };

export const JWT_SECRET = process.env.JWT_SECRET ?? '';
export const TCP_PORT = Number(process.env.AUTH_MICROSERVICE_PORT);
