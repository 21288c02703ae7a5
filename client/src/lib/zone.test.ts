import { expect, test } from "vitest";
import { addDays, dayAt, hoursOfDay, isoDay, offsetAt, parseLocal, startOfDay, weekday } from "./zone.ts";

const day = (text: string) => {
  const [year = 0, month = 0, date = 0] = text.split("-").map(Number);
  return { year, month, day: date };
};

test.each([
  ["Asia/Kolkata", 330],
  ["Asia/Kathmandu", 345],
  ["America/St_Johns", -210],
  ["UTC", 0],
])("%s is %i minutes east in winter", (zone, minutes) => {
  expect(offsetAt(zone, Date.UTC(2026, 0, 15, 12, 0, 0, 500))).toBe(minutes);
});

test("the hours of a half-hour zone begin on its own clock", () => {
  const hours = hoursOfDay("Asia/Kolkata", day("2026-11-25"));
  expect(hours).toHaveLength(24);
  expect(new Date(hours[0]?.start ?? 0).toISOString()).toBe("2026-11-24T18:30:00.000Z");
});

test("a day of 23 hours misses one", () => {
  const hours = hoursOfDay("Europe/Berlin", day("2026-03-29")).map(({ hour }) => hour);
  expect(hours).toHaveLength(23);
  expect(hours).not.toContain(2);
});

test("a day of 25 hours has one twice, told apart by its offset", () => {
  const hours = hoursOfDay("Europe/Berlin", day("2026-10-25"));
  expect(hours).toHaveLength(25);
  expect(hours.filter(({ hour }) => hour === 2).map(({ offset }) => offset)).toEqual([120, 60]);
});

test("a clock that moves by half an hour gives an hour of thirty minutes", () => {
  const lengths = hoursOfDay("Australia/Lord_Howe", day("2026-04-05")).map(
    ({ start, end }) => (end - start) / 60_000,
  );
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(24.5 * 60);
  expect(lengths.filter((length) => length !== 60)).toEqual([30]);
});

test("a day whose midnight does not exist begins at its first moment", () => {
  const start = startOfDay("Africa/Cairo", day("2026-04-24"));
  expect(isoDay(dayAt("Africa/Cairo", start))).toBe("2026-04-24");
  expect(isoDay(dayAt("Africa/Cairo", start - 1))).toBe("2026-04-23");
});

test("every day of a year begins where the one before ends", () => {
  for (const zone of ["America/New_York", "Australia/Lord_Howe", "America/Santiago"]) {
    let today = day("2026-01-01");
    for (let passed = 0; passed < 365; passed++) {
      const hours = hoursOfDay(zone, today);
      today = addDays(today, 1);
      expect(hours.at(-1)?.end, `${zone} ${isoDay(today)}`).toBe(startOfDay(zone, today));
    }
  }
});

test("buckets of the server are read with their offset", () => {
  expect(parseLocal("2026-11-25T10:00:00+05:30")).toEqual({ day: "2026-11-25", hour: 10, offset: 330 });
  expect(parseLocal("2026-11-25T10:00:00-03:30")?.offset).toBe(-210);
  expect(parseLocal("2026-11-25T10:00:00Z")?.offset).toBe(0);
  expect(parseLocal("yesterday")).toBeNull();
});

test("weeks begin on Monday", () => {
  expect([weekday(day("2026-11-23")), weekday(day("2026-11-29"))]).toEqual([1, 7]);
});
