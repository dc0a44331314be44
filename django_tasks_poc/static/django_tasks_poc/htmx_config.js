/* What a strict Content-Security-Policy forbids is not tried: a style element, and eval. */
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
