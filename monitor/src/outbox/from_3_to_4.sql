-- Room for the last error of each destination and its time. Made once, never changed: stores out there depend on it.

ALTER TABLE delivery ADD COLUMN failure TEXT;
ALTER TABLE delivery ADD COLUMN failed INTEGER;
