// Who may sign. Each forgery is tried on a lenient check as well, which takes it: a check that took everything away
// would pass the other half of these tests.

import { Point, verify } from "@noble/ed25519";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fromBase64 } from "../_shared/bytes.ts";
import { Keys, PublicKey } from "../_shared/keys.ts";
import { base64, keyOf, publicKeys, signature, SOURCE } from "./platform/sender.ts";

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const BODY = new TextEncoder().encode("[]");

/** The eight points of small order, in every encoding a lenient decoder takes. */
const SMALL_ORDER = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

Deno.test("weak and misspelt keys are refused", async () => {
  for (const hex of SMALL_ORDER) {
    await assert.rejects(PublicKey.parse(base64(Uint8Array.fromHex(hex))), /weak|no Ed25519/, hex);
  }
  const off = new Uint8Array(32).fill(2);
  await assert.rejects(PublicKey.parse(base64(off)), /no Ed25519 public key/);
  await assert.rejects(PublicKey.parse("AA=="), /not 32 bytes long/);
  await assert.rejects(PublicKey.parse("not base64!"), /not standard base64/);
});

Deno.test("only the signed bytes verify, with a key of that source", async () => {
  const keys = await Keys.parse(
    ` ${publicKeys([SOURCE, "b:c"])}\n ${SOURCE}:${publicKeys(["x"]).slice(2)}, `,
  );
  const [own, rotated, ...others] = keys.of(SOURCE) ?? [];
  assert.ok(own !== undefined && rotated !== undefined && others.length === 0);
  assert.equal(keys.of("b:c")?.length, 1);
  assert.equal(keys.of("Laptop"), undefined);
  const good = bytes(signature(SOURCE, BODY));
  assert.equal(await own.verifies(BODY, good), true);
  assert.equal(await own.verifies(new TextEncoder().encode("[ ]"), good), false);
  assert.equal(await rotated.verifies(BODY, good), false);
  for (let bit = 0; bit < 512; bit += 1) {
    const changed = good.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(await own.verifies(BODY, changed), false, `bit ${bit}`);
  }
});

Deno.test("no signature has a second form", async () => {
  const { scalar, point } = secret();
  const key = await PublicKey.parse(base64(point.toBytes()));
  const torsion = Point.fromHex(SMALL_ORDER[4] ?? "", true);
  const honest = forge(scalar, point, 5n, Point.BASE.multiply(5n));
  assert.equal(await key.verifies(BODY, honest), true);

  const shifted = forge(scalar, point, 5n, Point.BASE.multiply(5n).add(torsion));
  assert.equal(verify(shifted, BODY, point.toBytes(), { zip215: false }), true, "the twin takes it");
  assert.equal(await key.verifies(BODY, shifted), false);

  const nothing = forge(scalar, point, 0n, Point.ZERO);
  assert.equal(verify(nothing, BODY, point.toBytes(), { zip215: false }), true, "the twin takes it");
  assert.equal(await key.verifies(BODY, nothing), false);

  const larger = honest.slice();
  larger.set(little(number(honest.subarray(32)) + ORDER), 32);
  assert.equal(await key.verifies(BODY, larger), false);
});

Deno.test("base64 has one spelling", () => {
  const good = signature(SOURCE, BODY);
  assert.equal(fromBase64(good)?.length, 64);
  for (
    const odd of [
      good.slice(0, -2),
      `${good}AAAA`.replace("==", "="),
      good.replace(/.==$/, "B=="),
      ` ${good}`,
      "AB==",
    ]
      .concat(good.replace(/[A-Za-z]/, "-"))
  ) {
    assert.notEqual(fromBase64(odd)?.length, 64, odd);
  }
});

Deno.test("a list of keys that cannot be used is refused with the entry", async () => {
  const key = publicKeys(["a"]).slice(2);
  for (
    const [text, message] of [
      [" , ", "the list is empty"],
      [key, "entry 1 is not of the form source:base64key"],
      [`:${key}`, "entry 1 is not of the form source:base64key"],
      [`a:${key},b:AAAA`, 'the key of source "b", entry 2: the key is not 32 bytes long'],
    ] as const
  ) await assert.rejects(Keys.parse(text), { message });
});

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return fromBase64(text) ?? new Uint8Array();
}

/** The scalar of a private key and its public point. */
function secret(): { scalar: bigint; point: Point } {
  const hash = createHash("sha512").update(keyOf(SOURCE)).digest();
  const clamped = hash.subarray(0, 32);
  clamped[0] = (clamped[0] ?? 0) & 248;
  clamped[31] = ((clamped[31] ?? 0) & 63) | 64;
  const scalar = number(clamped) % ORDER;
  return { scalar, point: Point.BASE.multiply(scalar) };
}

/** A signature with any point R, `nonce` being its discrete logarithm up to what the cofactor hides. */
function forge(scalar: bigint, point: Point, nonce: bigint, r: Point): Uint8Array<ArrayBuffer> {
  const hash = createHash("sha512").update(r.toBytes()).update(point.toBytes()).update(BODY).digest();
  const s = (nonce + (number(hash) % ORDER) * scalar) % ORDER;
  const whole = new Uint8Array(64);
  whole.set(r.toBytes());
  whole.set(little(s), 32);
  return whole;
}

function number(littleEndian: Uint8Array): bigint {
  return littleEndian.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}

function little(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 255n));
}
