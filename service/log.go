package service

import (
	"context"
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/ml-connector/ml-connector/internal/plain"
)

// Logger returns the log of a process: JSON lines on stderr, or columns for
// people. Nothing is sampled: one line per webhook and per settled record is
// the account of what happened. The level can be changed while it is used.
func Logger(c Config) (*zap.Logger, zap.AtomicLevel, error) { return loggerTo(os.Stderr, c) }

// loggerTo logs to w. Text from elsewhere is in fields alone, which are JSON in
// both forms: what would steer a terminal or break a line is spelt out.
func loggerTo(w io.Writer, c Config) (*zap.Logger, zap.AtomicLevel, error) {
	level, err := zap.ParseAtomicLevel(c.LogLevel)
	if err != nil {
		return nil, level, err
	}
	ec := zap.NewProductionEncoderConfig()
	ec.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	ec.EncodeDuration = zapcore.MillisDurationEncoder
	var enc zapcore.Encoder
	if c.LogFormat == "console" {
		ec.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		ec.EncodeLevel = zapcore.CapitalLevelEncoder
		enc = zapcore.NewConsoleEncoder(ec)
	} else {
		enc = zapcore.NewJSONEncoder(ec)
	}
	return zap.New(zapcore.NewCore(enc, zapcore.Lock(zapcore.AddSync(plain.JSON(w))), level)), level, nil
}

// redisLog hands go-redis's own messages to our log; it would print them to
// stderr by itself.
type redisLog struct{ log *zap.SugaredLogger }

func (l redisLog) Printf(_ context.Context, format string, v ...any) { l.log.Debugf(format, v...) }
