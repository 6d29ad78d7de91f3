-- What the model's scores mean, as JSON (store.Calibration); NULL: nobody has measured it here.
ALTER TABLE models ADD COLUMN calibration TEXT;
