package secret

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitWords(t *testing.T) {
	tests := []struct{ name, want string }{
		{"DB_PASSWORD", "db password"},
		{"spring.datasource.password", "spring datasource password"},
		{"database__connection__password", "database connection password"},
		{"dbPassword", "db password"},
		{"LDAPPassword", "ldap password"},
		{"AuthCode", "auth code"},
		{"apiKey", "api key"},
		{"APIKEYs", "apikeys"},
		{"PASSWORD1", "password"},
		{"oauth2Token", "oauth token"},
		{"S3_SECRET", "s secret"},
		{"x-api-key", "x api key"},
		{"", ""},
		{"___", ""},
	}
	for _, tt := range tests {
		if got := strings.Join(splitWords(tt.name), " "); got != tt.want {
			t.Errorf("splitWords(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// An empty value is an unknown one.
func TestClassifyByName(t *testing.T) {
	secret := []struct{ name, value string }{
		{"POSTGRES_PASSWORD", ""},
		{"ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY", "x"},
		{"ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY", `["x"]`},
		{"COSMOS_PRIMARY_KEY", "6q8Yw3rT1zX9vB5nM7kL2jH4gF0dS8aP"},
		{"JWT", "9f3b2c1d8e7a4f5b6c0d1e2f3a4b5c6d9f3b2c1d"},
		{"RELEASE_COOKIE", "x"},
		{"STRIPE_SK", "6q8Yw3rT1zX9vB5nM7kL2jH4gF0dS8aP"},
		{"TELEGRAM_API_HASH", "x"},
		{"AUTHENTICATION_APIKEY_ALLOWED_KEYS", "x"},
		{"INNER_API_KEY_FOR_PLUGIN", "x"},
		{"PERIPHERY_PASSKEYS", "x"},
		{"POSTGRES_PASSWORD", "changeme"},
		{"POSTGRES_PASSWORD", "postgres"},
		{"POSTGRES_PASSWORD", "1234"},
		{"POSTGRES_PASSWORD", "1"},
		{"POSTGRES_PASSWORD", "$ecret"},
		{"POSTGRES_PASSWORD", "pa/ss"},
		{"MYSQL_ROOT_PASSWORD", "root"},
		{"PGPASSWORD", "x"},
		{"WEBPASSWORD", "x"},
		{"MYSQL_PWD", "x"},
		{"SMTP_PASS", "x"},
		{"SMTPPASS", "x"},
		{"PMA_CONTROLPASS", "x"},
		{"LDAP_BIND_PW", "x"},
		{"GAME_RCONPW", "x"},
		{"REDIS_PASSWORDS", "a,b"},
		{"RESTIC_PASSPHRASE", "x"},
		{"PASSWORD_HASH", "x"},
		{"ADMIN_PASSWORD_PROD", "x"},
		{"SECRET", "x"},
		{"SECRET_KEY_BASE", "x"},
		{"DJANGO_SECRET_KEY", "dev"},
		{"OAUTH2_CLIENT_SECRET", "x"},
		{"ME_CONFIG_SITE_COOKIESECRET", "x"},
		{"YOURLS_COOKIEKEY", "x"},
		{"VAULT_DEV_ROOT_TOKEN_ID", "root"},
		{"GITHUB_TOKEN", "x"},
		{"HUBOT_SLACK_TOKENS", "a"},
		{"OPENAI_API_KEY", "x"},
		{"APIKEY", "x"},
		{"API_KEYS", "a,b"},
		{"apiKey", "x"},
		{"AWS_ACCESS_KEY_ID", "minio"},
		{"VAULT_SECRET_ID", "x"},
		{"MINIO_SECRET_KEY", "minio123"},
		{"N8N_ENCRYPTION_KEY", "x"},
		{"SEMAPHORE_ACCESS_KEY_ENCRYPTION", "x"},
		{"WORDPRESS_LOGGED_IN_KEY", "x"},
		{"WORDPRESS_NONCE_SALT", "x"},
		{"MEILI_MASTER_KEY", "x"},
		{"AIRFLOW__CORE__FERNET_KEY", "x"},
		{"NEW_RELIC_LICENSE_KEY", "x"},
		{"APP_KEY", "base64:x"},
		{"TS_AUTHKEY", "x"},
		{"AuthCode", "x"},
		{"REDISCLI_AUTH", "x"},
		{"REDISCLI_AUTH", ""},
		{"NEO4J_AUTH", "neo4j/test"},
		{"DB_PASSWORD", `"x"`},
		{"BW_INSTALLATION_KEY", "x"},
		{"HTTP_BASIC_AUTH", "admin:admin"},
		{"RABBITMQ_ERLANG_COOKIE", "x"},
		{"LIBRENMS_SNMP_COMMUNITY", "x"},
		{"DB_CREDENTIALS", "a:b"},
		{"SENTRY_DSN", "https://abc@o1.ingest.sentry.io/1"},
		{"SENTRY_DSN", ""},
		{"ADMIN_PIN", "1234"},
		{"SFTP_USERS", "app:hunter2:1001"},
		{"CUSTOM_KEY", "9f86d081884c7d659a2feaa0c55ad015"},
		{"spring.datasource.password", "x"},
		{"ENABLE_SECRET", "s3cr3tvalue"},
		{"STRIPE_KEY", "x"},
		{"FLAGS_SDK_KEY", "sdk-x"},
		{"OPENAI_KEY", "x"},
		{"GITHUB_PAT", "x"},
		{"PLEX_CLAIM", "claim-x"},
		{"APP_PRIVATE_JWK", "x"},
		{"CUSTOM_KEY", "your-secret-key"},
		{"CUSTOM_KEY_V1", "change-me"},
		{"REPLICA_SET_KEY", "replicakey123"},
		{"LOGIN_PIN", "ChangeThisPin"},
		{"LOGIN_PIN", "my-secret-key"},
		{"AUTH_USERS", "user:hunter2"},
		{"REGISTRY_BASIC_AUTH_USER_INFO", "registry:hunter2"},
		{"DB_CREDENTIALS", "app:db_creds"},
		{"SECURITY_CREDENTIALS", "admin"},
		{"ACTIVATION_CODE", "x"},
		{"IMAGE_KEY", "9f86d081884c7d659a2feaa0c55ad015"},
		{"ACCESS_CODE", "x"},
		{"SENSITIVE_PROPS_KEY", "app@db"},
		{"REDIS_HOSTS", "local:redis:6379:0:hunter2"},
		{"REDIS_HOSTS", "a:redis:6379,b:redis:6379:0:hunter2"},
		{"DB_PASSWORD", "пароль"},
		{"DB_PASSWORD", "******"},
		{"DB_PASSWORD", "denv(x)"},
		{"CUSTOM_KEY", "=***"},
		{"FIELD_ENC_KEYS_JSON", `{"k1":"q"}`},
		{"KMS_KEYRING", "local-1:9f86d081884c7d659a2feaa0c55ad015"},
		{"KMS_KEYRING", "a:b,2024:9f86d081884c7d659a2feaa0c55ad015"},
		{"KMS_KEYRING", "9f86d081884c7d659a2feaa0c55ad015"},
		{"KMS_KEYRING", "legacy:replace-with-64-hex-chars"},
		{"CUSTOM_KEY", "[[fill me in]]"},
		{"CUSTOM_KEY", "<32 bytes>"},
		{"CUSTOM_KEY", "xxxx-xxxx"},
		{"CUSTOM_KEY", "pQ7w$$Yb&9RtZ!mK4vX*c8Dn2w"},
		{"SITE_RECOVERY_ADMIN", "admin:hunter2"},
	}
	for _, tt := range secret {
		if got := (Policy{}).Classify(tt.name, tt.value); got != (Verdict{true, ByName}) {
			t.Errorf("Classify(%q, %q) = %+v, want a secret by name", tt.name, tt.value, got)
		}
	}
	plain := []struct{ name, value string }{
		{"POSTGRES_USER", "postgres"},
		{"LIMITER_GET_PASSWORDS", "2"},
		{"LIMITER_GET_TOKEN", "3"},
		{"USER_PASSWORD_REQUIREMENTS", "15"},
		{"REGISTRY_AUTH_TOKEN_SERVICE", "container_registry"},
		{"AUTHENTICATION_APIKEY_USERS", "admin@example.org"},
		{"TABLE_PRIMARY_KEY", "id"},
		{"JWT", "enabled"},
		{"COUNTRY_SK", "Slovakia"},
		{"SSH_ALLOWED_KEYS", "alice,bob"},
		{"SERVICE_ACCOUNT_JSON_BASE64", "eyJ0eXBlIjoic2VydmljZV9hY2NvdW50IiwibmFtZSI6Im5vIGtleSBoZXJlIn0="},
		{"POSTGRES_HOST_AUTH_METHOD", "trust"},
		{"POSTGRES_PASSWORD_FILE", "/run/secrets/x"},
		{"POSTGRES_PASSWORD_FILE", ""},
		{"GF_SECURITY_ADMIN_PASSWORD__FILE", "x"},
		{"PASSWORD_ENCRYPTION", "scram-sha-256"},
		{"PASSWORD_POLICY", "strong"},
		{"PASSWORD_MIN_LENGTH", "12"},
		{"MIN_PASSWORD_LENGTH", "12"},
		{"ALLOW_EMPTY_PASSWORD", "yes"},
		{"MYSQL_ALLOW_EMPTY_PASSWORD", "1"},
		{"MYSQL_RANDOM_ROOT_PASSWORD", "yes"},
		{"MYSQL_RANDOM_ROOT_PASSWORD", ""},
		{"PASSWORD_ACCESS", "true"},
		{"PASSWORD_LOGIN_ENABLED", "x"},
		{"DISABLE_PASSWORD", "1"},
		{"JWT_SECRET_EXPIRES_IN", "7d"},
		{"ACCESS_TOKEN_TTL", "3600"},
		{"ACCESS_TOKEN_EXPIRE_MINUTES", "30"},
		{"JWT_ACCESS_TOKEN", "15m"},
		{"MAX_TOKENS", "4096"},
		{"SMALL_TOKEN_THRESHOLD", "2000"},
		{"OPENAI_MAX_TOKENS", ""},
		{"LLM_TOKENS", "4096"},
		{"TOKEN_URL", "https://id.example.com/token"},
		{"AUTH_URL", "https://id.example.com"},
		{"AUTH_TYPE", "basic"},
		{"AUTH_METHOD", "token"},
		{"SMTP_AUTH", "login"},
		{"SMTP_AUTH", "true"},
		{"GF_AUTH_ANONYMOUS", "x"},
		{"NEO4J_AUTH", "none"},
		{"DOLI_AUTH", "http,dolibarr"},
		{"CSRF_HEADER_NAME", "x"},
		{"TOKEN_HEADER_NAME", "X-Token"},
		{"SECRET_NAME", "prod/db"},
		{"SECRETS_DIR", "x"},
		{"JWT_PUBLIC_KEY", "x"},
		{"NEXT_PUBLIC_API_KEY", "x"},
		{"STRIPE_PUBLISHABLE_KEY", "9f86d081884c7d659a2feaa0c55ad015"},
		{"RECAPTCHA_SITE_KEY", "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI"},
		{"PARTITION_KEY", "user_id"},
		{"ROUTING_KEY", "orders.created"},
		{"KMS_KEY_ID", "alias/x"},
		{"API_KEY_ID", "x"},
		{"GOOGLE_APPLICATION_CREDENTIALS", "/secrets/gcp.json"},
		{"GOOGLE_APPLICATION_CREDENTIALS", "gcp.json"},
		{"CORS_ALLOW_CREDENTIALS", "true"},
		{"SSL_PRIVATE_KEY", "/etc/ssl/key.pem"},
		{"SSH_KEY", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"},
		{"PROXY_PASS", "http://app:8080"},
		{"PASS_HOST_HEADER", "true"},
		{"COMPASS_URL", "x"},
		{"TOKENIZER", "x"},
		{"SECRETARY", "x"},
		{"PWD", ""},
		{"DB_PASSWORD", "$DB_PASS"},
		{"DB_PASSWORD", "${DB_PASS}"},
		{"DB_PASSWORD", "$(cat /run/secrets/x)"},
		{"DB_PASSWORD", "{{ db_password }}"},
		{"DB_PASSWORD", "ENC[AES256_GCM,data:x]"},
		{"DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:1:secret:x"},
		{"DB_PASSWORD", "a" + Hole},
		{"DB_DSN", "sqlite:///data.db"},
		{"DB_DSN", "mysql:host=db;dbname=x"},
		{"RANDOM_SEED", "42"},
		{"LED_PIN", "17"},
		{"SFTP_USERS", "app"},
		{"KAFKA_SUPER_USERS", "User:admin;User:app"},
		{"RUN_AS_USERS", "1000:1000"},
		{"ALLOWED_USERS", ""},
		{"ENABLE_OTP", "1"},
		{"DATABASE_URL", "postgres://db/app"},
		{"SNMP_COMMUNITY", "public"},
		{"SALT_ROUNDS", "10"},
		{"SECRET_FORCED_LANGUAGE", "en"},
		{"TOKEN_TIME", "9000"},
		{"REGISTRY_AUTH", "htpasswd"},
		{"DB_PASSWORD", `""`},
		{"DB_PASSWORD", `"none"`},
		{"CUSTOM_KEY", "orders:created:v1"},
		{"CUSTOM_KEY", "report-2024"},
		{"CUSTOM_KEY", "password"},
		{"GPG_KEY", "0123456789ABCDEF0123456789ABCDEF01234567"},
		{"GPG_RECV_KEYS", "0123456789ABCDEF0123456789ABCDEF"},
		{"SALE_TOKEN", "0x0123456789abcdefABCDEF0123456789abcdef01"},
		{"KEYSTORE_CREDENTIALS", "broker_keystore_creds"},
		{"REWARDS_TOKEN_PDA", "5ZiE3vAkrdXBgyFL7KqG3Ro"},
		{"PASS_SCHEME", "BLF-CRYPT"},
		{"PASSWORD_HASHER", "argon2"},
		{"PASSWORD_HISTORY", "5"},
		{"LISTENER_TOKEN_SASL_JAAS_CONFIG", "x.OAuthBearerLoginModule required;"},
		{"SSL_CLIENT_AUTH", "requested"},
		{"BASIC_AUTH_USER_INFO", "url"},
		{"DB_NAME_AUTH", "auth_db"},
		{"PORT_AUTH", "x"},
		{"PW_SMTP_FROM", "app@example.com"},
		{"DB_PASSWORD", "..."},
		{"API_KEYS", "[]"},
		{"WEBMAIL_SMTP_PASS", "%p"},
		{"LDAP_PASS_ATTRS", "uid=user,userPassword=password"},
		{"LDAP_MAPPING", "pass=password"},
		{"CUSTOM_KEY", `[["a"]]`},
		{"CUSTOM_KEY", "app2024@team1.example.com"},
		{"CUSTOM_KEY", "xx"},
		{"SITE_ADMIN", "admin"},
		{"SITE_ADMIN", "changeme"},
		{"SITE_ADMIN", "group:ops"},
		{"SITE_ADMIN", "https://admin.example.com"},
		{"SITE_ADMIN", "admin:" + Hole},
		{"SITE_ADMIN", "broker:9092"},
		{"DB_PASSWORD", `sys.env("DB_PASSWORD")`},
		{"DB_PASSWORD", "os.getenv('DB_PASSWORD')"},
		{"DB_PASSWORD", `os.environ["DB_PASSWORD"]`},
		{"API_KEYS", "==="},
		{"TOKEN_CLEANUP", "* * * * *"},
		{"CORS_KEY", "*"},
		{"KMS_KEYRING", "prod-ring-2024-europe-west1"},
		{"KMS_KEYRING", "projects/acme-1234/locations/europe-west1/keyRings/app"},
		{"CEPH_KEYRING", "/etc/ceph/ceph.client.admin.keyring"},
		{"COUNTRY_CODE", "x"},
		{"password-stdin", "registry.example.com"},
		{"REDIS_HOSTS", "local:redis:6379"},
		{"REDIS_HOSTS", "local:redis:6379:0"},
		{"REDIS_HOSTS", "local:redis:6379:0:$PASS"},
		{"REDIS_HOSTS", "local:redis:6379:0:" + Hole},
		{"ALLOWED_HOSTS", "a:b:c:d:e"},
		{"USER", "x"},
		{"", "x"},
		{"", ""},
	}
	if !(Policy{}).Classify("LDAP_MAPPING", "bind=x,password=hunter2").Secret {
		t.Error("a mapping hides a password that is none of its attributes")
	}
	for _, tt := range plain {
		got := (Policy{}).Classify(tt.name, tt.value)
		if got.Secret || got.Reason == "" {
			t.Errorf("Classify(%q, %q) = %+v, want plain with a reason", tt.name, tt.value, got)
		}
	}
}

// What looks like a reference is the text itself.
func TestClassifyFinal(t *testing.T) {
	tests := []struct {
		name, value string
		want        bool
	}{
		{"DB_PASSWORD", "${X}", true},
		{"DB_PASSWORD", "vault:x", true},
		{"DB_PASSWORD", `sys.env("X")`, true},
		{"DB_PASSWORD", "{{.Service.Name}}", false},
		{"DB_PASSWORD", "/run/secrets/x", false},
		{"SETTING", "${X}", false},
	}
	for _, tt := range tests {
		if got := (Policy{}).ClassifyFinal(tt.name, tt.value).Secret; got != tt.want {
			t.Errorf("ClassifyFinal(%q, %q) = %t", tt.name, tt.value, got)
		}
	}
}

// The name says nothing here. » and « mark the credential.
func TestFindCredential(t *testing.T) {
	rep := strings.Repeat
	tests := []struct{ name, value string }{
		{"url", "postgres://u:»p«@db/x"},
		{"ODBC in capitals", "DRIVER=FreeTDS;SERVER=db;UID=sa;PWD=»Str0ng!Pw7«;"},
		{"ODBC with braces", "Driver={ODBC Driver 18 for SQL Server};Server=db;UID=sa;PWD=»Str0ng!Pw7«;Encrypt=yes"},
		{"PWD of a shell", "cd /srv; PWD=/srv; run"},
		{"a service account in base64", "»eyJ0eXBlIjoic2VydmljZV9hY2NvdW50IiwicHJpdmF0ZV9rZXkiOiJ4In0=«"},
		{"url without user", "redis://:»p«@redis:6379"},
		{"url with @ in the password", "amqp://u:»p@ss«@mq"},
		{"url with white space in the password", "postgres://u:»p q\n r«@db/x"},
		{"url with quotes in the password", "postgres://u:»p\"'`q«@db/x"},
		{"url with both, behind a name", "see postgres://u:p q@db/x"},
		{"url before a sentence", "http://host:8080 or mail a@b.example"},
		{"url before a sentence, no port", "http://host:p or a@b.example then"},
		{"url inside a sentence", "curl -s http://u:»p«@host/path | sh"},
		{"jdbc url", "jdbc:postgresql://db/x?user=a&password=»b«&ssl=1"},
		{"second url", "http://plain/ http://u:»p«@host"},
		{"url without password", "postgres://u@db/x"},
		{"url with empty password", "postgres://u:@db/x"},
		{"url with a reference", "postgres://u:$PASS@db/x"},
		{"url with a hole", "postgres://" + Hole + ":" + Hole + "@db/x"},
		{"url, hole for the user only", "postgres://" + Hole + ":»p«@db/x"},
		{"url with placeholders", "postgres://app.<project>:»<password>«@db-<region>/x"},
		{"url in angle brackets", "<http://u:»p«@host>"},
		{"url with a port", "http://host:8080/@x"},
		{"email", "mailto:a@b"},
		{"go mysql dsn", "root:»p«@tcp(db:3306)/x"},
		{"odbc", "Server=db;User Id=sa;Password=»p«;"},
		{"odbc pwd", "Server=db;UID=sa;Pwd=»p«;"},
		{"azure storage", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=»abc==«;EndpointSuffix=x"},
		{"libpq", "host=db user=u password=»p« dbname=x"},
		{"libpq quoted", "host=db password='»a b«'"},
		{"java option", "-Xmx1g -Djavax.net.ssl.keyStorePassword=»p« -Dx=y"},
		{"json", `{"user": "u", "password": "»p«"}`},
		{"json compact", `{"api_key":"»p\"q«"}`},
		{"json reference", `{"password": "$PASS"}`},
		{"json ttl", `{"token_ttl": "3600"}`},
		{"json web key", `{"kty":"RSA","e":"AQAB","d":"»p3c6on7w«","n":"9t58"}`},
		{"public json web key", `{"kty":"RSA","e":"AQAB","n":"9t58"}`},
		{"json with a d", `{"a":"b","d":"e"}`},
		{"jaas user", "x.PlainLoginModule required username=\"u\" user_app=\"»p«\";"},
		{"user_app without jaas", `x user_app="p";`},
		{"php array", `['host' => 'db', 'password' => '»p«']`},
		{"php constant", `define('HOST', 'db'); define('DB_PASSWORD', '»p«');`},
		{"php call", `f('DB_PASSWORD', 'p')`},
		{"ruby setting", `app['smtp_host'] = "x"; app['smtp_password'] = "»p«"`},
		{"ini, quoted", "host = 'db'\npassword = '»p«'\n"},
		{"yaml", "sasl:\n  - user: u\n    password: »p« # c\n"},
		{"yaml, quoted, last line", "user: u\npassword: '»p q«'"},
		{"yaml reference", "user: u\npassword: $PASSWORD\n"},
		{"one line of prose", "the password: p"},
		{"prose in a script", "echo a\necho the password: p\n"},
		{"ldap filter", "(&(uid=" + Hole + ")(userPassword=*))"},
		{"arrow function", "password=>x"},
		{"bearer header", "Authorization: Bearer »abc.d-e«"},
		{"basic header, encoded", "authorization=Basic%20»dXNlcjpw=«,x=y"},
		{"bearer header with a reference", "Authorization: Bearer $TOKEN"},
		{"bearer header with a hole", "Authorization: Bearer " + Hole},
		{"header of another scheme", "Authorization: Negotiate abcdef"},
		{"notifier", "discord://»t0ken«@1234"},
		{"notifier with a reference", "discord://$TOKEN@1234"},
		{"user only", "ssh://git@host/x"},
		{"assignment with a hole", "host=db password=" + Hole},
		{"comparison", "pip install salt==3002 token==1.2"},
		{"weak word in an assignment", "auth=abc key=def"},
		{"github", "x »ghp_" + rep("a1", 18) + "« y"},
		{"github too short", "ghp_abc"},
		{"gitlab too short", "glpat-a1b2"},
		{"github fine-grained", "»github_pat_" + rep("a1", 30) + "«"},
		{"gitlab", "»glpat-" + rep("a1", 10) + "«"},
		{"aws", "»AKIA" + rep("A1", 8) + "«"},
		{"aws inside a word", "XAKIA" + rep("A1", 8)},
		{"slack", "»xoxb-123456789012-" + rep("a", 10) + "«"},
		{"stripe", "»sk_live_" + rep("a1", 12) + "«"},
		{"stripe publishable", "pk_live_" + rep("a1", 12)},
		{"openai", "»sk-" + rep("a1", 24) + "«"},
		{"anthropic", "»sk-ant-api03-" + rep("a1", 24) + "«"},
		{"prose behind a prefix", "sk-" + rep("a", 40)},
		{"google", "»AIza" + rep("a1", 17) + "b«"},
		{"hugging face", "»hf_" + rep("aB", 17) + "«"},
		{"sendgrid", "»SG." + rep("a1", 11) + "." + rep("b2", 21) + "«"},
		{"digital ocean", "»dop_v1_" + rep("a1", 32) + "«"},
		{"telegram", "»123456789:AAF" + rep("a1", 16) + "«"},
		{"telegram-like time", "12345678:12"},
		{"jwt", "»eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.abcdefghijklmnop«"},
		{"base64 json is no jwt", "eyJhbGciOiJIUzI1NiJ9"},
		{"age", "»AGE-SECRET-KEY-1" + rep("Q1", 29) + "«"},
		{"pem", "»-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----«"},
		{"pgp", "»-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQVYBGMIIEowIBAAKC«"},
		{"pem header only", "-----BEGIN PRIVATE KEY-----"},
		{"public pem", "-----BEGIN PUBLIC KEY-----\nMIIEowIBAAKCAQEA"},
		{"bcrypt", "admin:»$2y$05$" + rep("a", 53) + "«"},
		{"apr1", "admin:»$apr1$abcdefgh$" + rep("a", 22) + "«"},
		{"htpasswd sha", "admin:»{SHA}" + rep("a", 27) + "=«"},
		{"shell variables are no hash", "$1$2 $y$x"},
		{"slack webhook", "https://»hooks.slack.com/services/T000/B000/" + rep("x", 24) + "«"},
		{"discord webhook", "https://»discord.com/api/webhooks/123456789/abcdefgh«"},
		{"discord page", "https://discord.com/api/webhooks/"},
		{"plain", "hello world"},
		{"empty", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clean := strings.NewReplacer("»", "", "«", "").Replace(tt.value)
			got, marked := FindCredential(clean), clean
			if got.Found() {
				marked = clean[:got.Start] + "»" + clean[got.Start:got.End] + "«" + clean[got.End:]
			}
			if diff := cmp.Diff(tt.value, marked); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			want := Verdict{Secret: true, Reason: ByValue}
			if v := (Policy{}).Classify("SETTING", clean); got.Found() != (v == want) {
				t.Errorf("Classify = %+v", v)
			}
		})
	}
}

func TestPolicy(t *testing.T) {
	p := Policy{Secret: []string{"ACME_*", "both"}, Plain: []string{"*_PASSWORD", "BOTH", "ACME_X", "*URL"}}
	tests := []struct {
		name, value string
		want        Verdict
	}{
		{"ACME_SETTING", "x", Verdict{true, ByPolicy}},
		{"acme_setting", "", Verdict{true, ByPolicy}},
		{"ACME_X", "x", Verdict{true, ByPolicy}},
		{"BOTH", "x", Verdict{true, ByPolicy}},
		{"DB_PASSWORD", "x", Verdict{false, "x-compose-secure.plain names it"}},
		{"DB_URL", "postgres://u:p@db/x", Verdict{false, "x-compose-secure.plain names it"}},
		{"DB_SECRET", "x", Verdict{true, ByName}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, p.Classify(tt.name, tt.value)); diff != "" {
			t.Errorf("Classify(%q) (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestPolicyValidate(t *testing.T) {
	if err := (Policy{Secret: []string{"A*", "[ab]"}, Plain: []string{"?"}}).Validate(); err != nil {
		t.Errorf("good globs: %v", err)
	}
	for want, p := range map[string]Policy{
		`x-compose-secure.secret: "A[" is not a glob`: {Secret: []string{"A["}},
		`x-compose-secure.plain: "[]" is not a glob`:  {Plain: []string{"X", "[]"}},
	} {
		if err := p.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func FuzzFindCredential(f *testing.F) {
	for _, s := range []string{"postgres://u:p@db", `{"password": "x"}`, "password='", "eyJ.eyJ.", `"token":"\`, "$2y$05$"} {
		f.Add("NAME", s)
	}
	f.Fuzz(func(t *testing.T, name, s string) {
		got := FindCredential(s)
		if got.Start < 0 || got.End > len(s) || got.Start > got.End {
			t.Fatalf("FindCredential(%q) = %v", s, got)
		}
		(Policy{}).Classify(name, s)
	})
}

func BenchmarkClassify(b *testing.B) {
	value := strings.Repeat("some=ordinary value,", 20)
	for b.Loop() {
		(Policy{}).Classify("APPLICATION_SETTING", value)
	}
}
